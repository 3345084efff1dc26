//! The circumstances of an account's reading: from where, with which program, which attributes, and
//! whether it reads at all these weeks. What is new about an event beside how many people it names.
//!
//! Nothing here alarms: a new circumstance says how unusual the reads are that come in it
//! ([`Odd`](super::odd::Odd)).

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use crate::{
    detect::{calibration::Asked, pane::PANES_PER_DAY, since::Since},
    event::AccessEvent,
};

/// What may be new about a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The account has slept for longer than a fortnight's leave.
    Sleeper,
    /// It comes from an address that the account has not used.
    Address,
    /// It comes from a program that the account has not used.
    Agent,
    /// It shows attributes that the account has not read.
    Fields,
    /// It goes on with people whose ids follow on one another. Not new, but rare; they are counted by
    /// themselves ([`Signal::Consecutive`](super::window::Signal::Consecutive)).
    Sequence,
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Self; 5] = [
        Self::Sleeper,
        Self::Address,
        Self::Agent,
        Self::Fields,
        Self::Sequence,
    ];

    /// Whether a set has it.
    pub const fn is_in(self, aspects: Aspects) -> bool {
        aspects & self.bit() != 0
    }

    /// It alone.
    pub(super) const fn bit(self) -> Aspects {
        1 << self as u8
    }
}

/// A set of [`Aspect`]s, a bit each.
pub type Aspects = u8;

/// Days without a read after which an account is a sleeper: longer than a fortnight's leave with the
/// weekends before and after it, and a holiday.
const SLEEP_DAYS: u32 = 18;
/// Active days before which everything about an account is new, and says nothing.
const DAYS_MIN: u32 = 5;
/// Addresses and programs known of an account; past them the one that was used longest ago goes.
const KNOWN_MAX: usize = 24;
/// New addresses and programs noted of one day.
const NOTED_MAX: usize = 24;
/// Days that are noted at once: those that the watermark has not passed, and future-dated ones.
const PENDING_MAX: usize = 8;
/// Active days after which a day counts half.
const HALF_LIFE_DAYS: f64 = 45.0;
/// Days of the group's experience that an account starts with.
const GROUP_DAYS: f64 = 20.0;

/// An address or a program that the account has used.
#[derive(Clone, Copy, Debug)]
struct Client {
    hash: u32,
    /// The pane from which it is known.
    from: u32,
    /// The last settled day on which it was used.
    last_day: u32,
}

/// What was seen on a day that is not settled.
#[derive(Clone, Debug)]
struct Noted {
    day: u32,
    clients: Vec<u32>,
    fields: u32,
    /// The union over its events.
    aspects: Aspects,
}

/// What the last event was like: most are like the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Like {
    day: u32,
    clients: [Option<u32>; 2],
    fields: u32,
}

/// One account's circumstances.
#[derive(Clone, Debug, Default)]
pub struct Habits {
    last: Option<(Like, Aspects)>,
    clients: Vec<Client>,
    fields: Since<u32>,
    /// The last settled day on which it read.
    last_day: Since<Option<u32>>,
    noted: Vec<Noted>,
    /// Settled active days, older ones counting less, and those with each aspect.
    days: f32,
    odd_days: [f32; Aspect::ALL.len()],
    active_days: u32,
}

impl Habits {
    /// What is new about an `event` in `pane` that shows the attributes `fields`; notes it for the
    /// day's end.
    pub fn observe(&mut self, event: &AccessEvent<'_>, fields: u32, pane: u32) -> Aspects {
        let like = Like {
            day: pane / PANES_PER_DAY,
            clients: [
                event.source_ip.map(|address| hash_of(b'a', address)),
                event.user_agent.map(|agent| hash_of(b'p', agent)),
            ],
            fields,
        };
        // What the last day end taught is in force for some panes of its morning and not for others.
        let is_settled = pane >= self.fields.from;
        if let Some((last, aspects)) = self.last
            && last == like
            && is_settled
        {
            return aspects;
        }
        let aspects = self.aspects(&like, pane);
        self.note(&like, aspects);
        self.last = is_settled.then_some((like, aspects));
        aspects
    }

    /// Notes for the end of its day that what is read in `pane` has this aspect too.
    pub(super) fn note_also(&mut self, aspect: Aspect, pane: u32) {
        let day = pane / PANES_PER_DAY;
        let noted = self.noted.iter_mut().filter(|noted| noted.day == day);
        for noted in noted {
            noted.aspects |= aspect.bit();
        }
    }

    /// Prefetches what lies in this struct; see [`AHEAD`](crate::detect::AHEAD).
    pub(super) fn prefetch(&self) -> usize {
        let is_begun = self
            .last
            .is_some_and(|(like, _)| like.day >= self.fields.from);
        usize::from(is_begun) ^ self.noted.len()
    }

    /// Learns a settled day; what it taught is in force from the pane `from` on. What was new on a
    /// day that raised an alarm is known too: it was told. Gives what was new.
    pub fn learn(&mut self, day: u32, from: u32, is_alarmed: bool) -> Aspects {
        self.last = None;
        self.active_days += 1;
        let at = self.noted.iter().position(|noted| noted.day == day);
        let noted = at.map(|at| self.noted.swap_remove(at));
        self.noted.retain(|noted| noted.day > day);
        self.last_day.change(from, Some(day));
        let keep = 0.5_f64.powf(1.0 / HALF_LIFE_DAYS);
        #[expect(clippy::cast_possible_truncation, reason = "a factor below 1")]
        let keep = keep as f32;
        self.days = self.days * keep + 1.0;
        let aspects = noted.as_ref().map_or(0, |noted| noted.aspects);
        for (aspect, days) in Aspect::ALL.into_iter().zip(&mut self.odd_days) {
            // Ids are counted up anew each time, and no such day makes the next one known.
            let is_told = is_alarmed && aspect != Aspect::Sequence;
            let is_odd = !is_told && aspect.is_in(aspects);
            *days = *days * keep + if is_odd { 1.0 } else { 0.0 };
        }
        let noted_fields = noted.as_ref().map_or(0, |noted| noted.fields);
        self.fields.change(from, self.fields.now | noted_fields);
        for hash in noted.into_iter().flat_map(|noted| noted.clients) {
            self.meet(hash, day, from);
        }
        aspects
    }

    /// Lets a settled day pass that teaches nothing.
    pub fn skip(&mut self, day: u32) {
        self.last = None;
        self.noted.retain(|noted| noted.day > day);
    }

    /// How rare each aspect is for this account, as -ln of the share of its days that have it,
    /// leaning on its group's.
    pub fn rarities(&self, asked: &Asked) -> [f32; Aspect::ALL.len()] {
        std::array::from_fn(|aspect| {
            if self.active_days < DAYS_MIN {
                return 0.0;
            }
            let days = f64::from(self.days) + GROUP_DAYS;
            let odd = f64::from(self.odd_days[aspect]) + GROUP_DAYS * asked.aspects[aspect];
            #[expect(clippy::cast_possible_truncation, reason = "a small number")]
            let rarity = -(odd / days).min(1.0).ln() as f32;
            rarity
        })
    }

    fn aspects(&self, like: &Like, pane: u32) -> Aspects {
        let Some(last_day) = self.last_day.at(pane) else {
            // Before its first day is over there is nothing to compare with.
            return 0;
        };
        let mut aspects = 0;
        if like.day > last_day + SLEEP_DAYS {
            aspects |= Aspect::Sleeper.bit();
        }
        for (aspect, hash) in [Aspect::Address, Aspect::Agent]
            .into_iter()
            .zip(like.clients)
        {
            let knows = |hash| {
                let mut clients = self.clients.iter();
                clients.any(|client| client.hash == hash && client.from <= pane)
            };
            if hash.is_some_and(|hash| !knows(hash)) {
                aspects |= aspect.bit();
            }
        }
        if like.fields & !self.fields.at(pane) != 0 {
            aspects |= Aspect::Fields.bit();
        }
        aspects
    }

    fn note(&mut self, like: &Like, aspects: Aspects) {
        let at = self.noted.iter().position(|noted| noted.day == like.day);
        let at = match at {
            Some(at) => at,
            None if !self.make_room_for(like.day) => return,
            None => {
                // One or two, in every account.
                self.noted.reserve_exact(1);
                self.noted.push(Noted {
                    day: like.day,
                    clients: Vec::new(),
                    fields: 0,
                    aspects: 0,
                });
                self.noted.len() - 1
            }
        };
        let noted = &mut self.noted[at];
        noted.fields |= like.fields;
        noted.aspects |= aspects;
        for hash in like.clients.into_iter().flatten() {
            // The same in any order of events: the lowest stay.
            if let Err(place) = noted.clients.binary_search(&hash) {
                noted.clients.insert(place, hash);
                noted.clients.truncate(NOTED_MAX);
            }
        }
    }

    /// At the limit, the latest day goes: only future-dated events make so many.
    fn make_room_for(&mut self, day: u32) -> bool {
        if self.noted.len() < PENDING_MAX {
            return true;
        }
        let latest = self.noted.iter().enumerate();
        let latest = latest.max_by_key(|(_, noted)| noted.day);
        let Some((at, _)) = latest.filter(|(_, noted)| noted.day > day) else {
            return false;
        };
        self.noted.swap_remove(at);
        true
    }

    fn meet(&mut self, hash: u32, day: u32, from: u32) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.hash == hash) {
            client.last_day = client.last_day.max(day);
            return;
        }
        if self.clients.len() >= KNOWN_MAX {
            let oldest = self.clients.iter().enumerate();
            let oldest = oldest.min_by_key(|(_, client)| (client.last_day, client.hash));
            if let Some((at, _)) = oldest {
                self.clients.swap_remove(at);
            }
        }
        self.clients.push(Client {
            hash,
            from,
            last_day: day,
        });
    }
}

/// The same in every run: what is known must not hang on the process.
#[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
fn hash_of(what: u8, text: &str) -> u32 {
    let mut hash = SipHasher13::new();
    hash.write_u8(what);
    hash.write(text.as_bytes());
    hash.finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::calibration::Tails;

    fn like(day: u32, address: u32, fields: u32) -> Like {
        Like {
            day,
            clients: [Some(address), None],
            fields,
        }
    }

    /// Lives `days` days of one read each from the address and with the attributes that `of` says.
    fn lived(days: std::ops::Range<u32>, of: impl Fn(u32) -> (u32, u32)) -> Habits {
        let mut habits = Habits::default();
        for day in days {
            let (address, fields) = of(day);
            let like = like(day, address, fields);
            let aspects = habits.aspects(&like, day * PANES_PER_DAY);
            habits.note(&like, aspects);
            habits.learn(day, (day + 1) * PANES_PER_DAY + 120, false);
        }
        habits
    }

    fn new_on(habits: &Habits, day: u32, address: u32, fields: u32) -> Vec<Aspect> {
        let aspects = habits.aspects(&like(day, address, fields), day * PANES_PER_DAY + 2_000);
        let all = Aspect::ALL.into_iter();
        all.filter(|aspect| aspect.is_in(aspects)).collect()
    }

    #[test]
    fn what_was_used_is_known_and_what_was_not_is_new() {
        let habits = lived(0..10, |day| (day % 2, 0b11));
        assert_eq!(new_on(&habits, 10, 1, 0b01), []);
        assert_eq!(new_on(&habits, 10, 7, 0b11), [Aspect::Address]);
        assert_eq!(new_on(&habits, 10, 1, 0b111), [Aspect::Fields]);
        assert_eq!(
            new_on(&habits, 40, 7, 0b111),
            [Aspect::Sleeper, Aspect::Address, Aspect::Fields]
        );
        assert_eq!(
            new_on(&Habits::default(), 10, 1, 1),
            [],
            "before the first day there is nothing to compare"
        );
    }

    #[test]
    fn a_day_is_known_from_its_pane_on_whatever_arrived_since() {
        let habits = lived(0..10, |day| (u32::from(day == 9), 1 << u32::from(day == 9)));
        let morning = 10 * PANES_PER_DAY;
        let aspects = |pane| habits.aspects(&like(10, 1, 2), pane);
        assert_ne!(aspects(morning + 119), 0);
        assert_eq!(aspects(morning + 120), 0);
    }

    #[test]
    fn what_an_account_does_often_is_not_rare_for_it() {
        let asked = Tails::PRIOR.asked(2e-4);
        let rarity = |habits: &Habits| habits.rarities(&asked)[Aspect::Address as usize];
        let settled = rarity(&lived(0..40, |_| (1, 1)));
        let roaming = rarity(&lived(0..40, |day| (day, 1)));
        let young = rarity(&lived(0..DAYS_MIN - 1, |_| (1, 1)));
        assert!(settled > 4.0, "{settled}");
        assert!(roaming < 1.0, "{roaming}");
        assert!(young <= 0.0, "everything about it is new: {young}");
    }

    #[test]
    fn the_address_that_was_used_longest_ago_is_forgotten_first() {
        let habits = lived(0..30, |day| (day, 1));
        assert_eq!(new_on(&habits, 30, 29, 1), []);
        assert_eq!(new_on(&habits, 30, 0, 1), [Aspect::Address]);
        assert_eq!(habits.clients.len(), KNOWN_MAX);
    }
}
