//! Coverage: how many of the supplier's people one account has read within a month, with hard stops
//! that nobody evades by going slower.
//!
//! The stops are shares of the population, whatever the account has read before; but not what its
//! peers all read. They need to know the population, which the operator declares.

/// Stops told of an account that is declared to read everybody.
pub const ALL_TOLD: u8 = u8::MAX;
/// Days of the window.
pub const DAYS: u32 = 30;
/// Days of the shorter one that is told beside it.
pub const WEEK_DAYS: u32 = 7;

/// Shares of the population at which an account is stopped, each told once as long as it lasts
/// (reference: detection §7, test 3).
const STOPS: [f64; 3] = [0.1, 0.25, 0.5];
/// So many times what its peers usually read in a month is what they all do.
const PEERS_TIMES: u32 = 3;
/// A stop lasts until less than this share of it was read within the month: or a steady account would
/// pass it again and again.
const LASTS: f64 = 0.8;
/// Fewer accounts than this have no usual.
const PEERS_MIN: usize = 5;

/// People within a month that are too many, rising; none where the population is not known.
#[derive(Clone, Copy, Debug)]
pub struct Stops {
    people: [u32; STOPS.len()],
    /// What accounts of the group read in a month in the usual case.
    pub usual: u32,
}

impl Stops {
    /// No stops.
    pub const NONE: Self = Self {
        people: [u32::MAX; STOPS.len()],
        usual: 0,
    };

    /// Those of a group whose accounts read so many people in the last month, in any order.
    pub fn of(population: u64, mut months: Vec<u32>) -> Self {
        let middle = months.len() / 2;
        let usual = if months.len() < PEERS_MIN {
            0
        } else {
            *months.select_nth_unstable(middle).1
        };
        let people = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a count; the cast saturates"
            )]
            let stop = (population as f64 * share).ceil() as u32;
            stop.max(PEERS_TIMES.saturating_mul(usual)).max(1)
        };
        Self {
            people: STOPS.map(people),
            usual,
        }
    }

    /// Whether there are none that an account with so many `told` could pass.
    pub const fn are_idle(&self, told: u8) -> bool {
        self.people[0] == u32::MAX || told == ALL_TOLD
    }

    /// The stop that is next where the first `told` ones were told of, as far as these last with so
    /// many people `read` in the month.
    pub fn after(&self, told: u8, read: u32) -> u32 {
        if told == ALL_TOLD {
            return u32::MAX;
        }
        self.next(told.min(self.lasting(read)))
    }

    /// The stop that follows the first `told` ones.
    pub fn next(&self, told: u8) -> u32 {
        self.people
            .get(usize::from(told))
            .copied()
            .unwrap_or(u32::MAX)
    }

    /// How many of them last with so many people.
    pub fn lasting(&self, people: u32) -> u8 {
        let lasts = |stop: &&u32| f64::from(people) >= LASTS * f64::from(**stop);
        let lasting = self.people.iter().filter(lasts).count();
        u8::try_from(lasting).unwrap_or(u8::MAX)
    }

    /// How many of them so many people have passed.
    pub fn passed(&self, people: u32) -> u8 {
        let passed = self.people.iter().filter(|stop| people >= **stop).count();
        u8::try_from(passed).unwrap_or(u8::MAX)
    }
}

/// What was too much of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Different people read in it.
    pub people: u64,
    /// From how many on it is too much.
    pub critical: u64,
    /// How many people's records the supplier holds.
    pub population: u64,
    /// What its peers read in the usual case; 0 where there are few.
    pub usual: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_are_shares_of_the_population_unless_peers_all_pass_them() {
        let few = Stops::of(4_000, vec![300, 20, 40, 30, 35]);
        assert_eq!(
            [0, 1, 2, 3].map(|told| few.next(told)),
            [400, 1_000, 2_000, u32::MAX]
        );
        assert_eq!(
            [399, 400, 1_500, 4_000].map(|people| few.passed(people)),
            [0, 1, 2, 3]
        );
        let all = Stops::of(500, vec![90; 5]);
        assert_eq!([0, 1].map(|told| all.next(told)), [270, 270]);
        assert_eq!(Stops::of(500, vec![90; 4]).next(0), 50);
        assert_eq!(Stops::NONE.next(0), u32::MAX);
    }

    #[test]
    fn a_stop_lasts_until_much_less_was_read() {
        let stops = Stops::of(4_000, Vec::new());
        let after = |read| stops.after(1, read);
        assert_eq!([450, 390, 320].map(after), [1_000; 3]);
        assert_eq!([319, 0].map(after), [400; 2]);
        assert_eq!(stops.after(ALL_TOLD, 0), u32::MAX);
    }
}
