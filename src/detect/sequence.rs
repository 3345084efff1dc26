//! Whether people were read id by id: what work brings mostly has gaps, and who enumerates leaves none.
//!
//! Programs that page through a register do the same every night, and clerks are given a page of a list
//! (reference: detection, scan shape): how many of them an account reads in an hour, and how often it does
//! at all, is known of it as for any other count ([`Signal::Consecutive`](super::window::Signal)). It is
//! told beside whatever was too much.

/// Fewer people than this may be consecutive by chance.
const TOLD_MIN: u64 = 10;
/// Ids in a row from which they are a run: two may be a couple that was enrolled together.
const RUN_MIN: usize = 3;
/// Ids in a run from which its people are counted. Who reads a tenth of a register in an hour, whomever it
/// may be, meets few.
const RUN_COUNTED: usize = 5;
/// Digits of an id that are taken for a number; those before them are part of its name.
const DIGITS_MAX: u32 = 18;

/// Whether it is worth telling that so many of the `people` have consecutive ids: half of them, and no
/// handful.
pub const fn is_told(consecutive: u64, people: u64) -> bool {
    consecutive >= TOLD_MIN && 2 * consecutive >= people
}

/// How many of these ids, each given once, lie in runs of three or more that count up by one. What counts
/// is the last number in an id; what stands around it is the same all through a run.
pub fn consecutive<'a>(ids: impl Iterator<Item = &'a str>) -> u64 {
    let mut ids: Vec<Id<'_>> = ids.filter_map(Id::of).collect();
    ids.sort_unstable();
    let runs = ids.chunk_by(Id::is_before);
    let runs = runs.map(<[Id<'_>]>::len).filter(|run| *run >= RUN_MIN);
    runs.sum::<usize>() as u64
}

/// Nobody.
const NOBODY: u32 = u32::MAX;

/// Whose ids stand beside whose, by people's numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours {
    /// The numbers of those before and after each, or [`NOBODY`].
    beside: Vec<[u32; 2]>,
}

impl Neighbours {
    /// Takes the next person in, who has this `id`, and whose neighbours `find` finds by theirs.
    pub(super) fn push(&mut self, id: &str, find: impl Fn(&str) -> Option<u32>) {
        let number = u32::try_from(self.beside.len()).unwrap_or(NOBODY);
        let read = Id::of(id);
        let beside = read.map_or([None; 2], |read| {
            let [as_long, shorter] = read.before();
            let before = as_long.and_then(|id| find(&id));
            let before = before.or_else(|| shorter.and_then(|id| find(&id)));
            [before, read.after().and_then(|id| find(&id))]
        });
        self.beside.push([NOBODY; 2]);
        for (place, other) in beside.into_iter().enumerate() {
            // One of 99 and 099 is before 100: who came first.
            if let Some(other) = other
                && self.beside[other as usize][1 - place] == NOBODY
            {
                self.beside[other as usize][1 - place] = number;
                self.beside[number as usize][place] = other;
            }
        }
    }

    /// How many people it knows.
    pub(super) fn len(&self) -> usize {
        self.beside.len()
    }

    /// Those who stand in one run of [`RUN_COUNTED`] or more with a person, as far as each `is_read`: so many
    /// of them on each side as make one. Nothing where there is none. One that is left out ends no run:
    /// who counts up meets ids that are refused.
    pub(super) fn run_with<T: Copy>(
        &self,
        number: u32,
        is_read: impl Fn(u32) -> Option<T>,
    ) -> Option<Vec<(u32, T)>> {
        let next = |side: usize, of: u32| {
            let beside = self.beside.get(of as usize)?[side];
            is_read(beside).map(|read| (beside, read)).or_else(|| {
                let beside = self.beside.get(beside as usize)?[side];
                is_read(beside).map(|read| (beside, read))
            })
        };
        let side = |side: usize| {
            let all = std::iter::successors(next(side, number), move |(of, _)| next(side, *of));
            all.take(RUN_COUNTED - 1)
        };
        let others = side(0).count() + side(1).count();
        (others + 1 >= RUN_COUNTED).then(|| side(0).chain(side(1)).collect())
    }

    /// Bytes held, estimated.
    pub(super) fn bytes(&self) -> usize {
        self.beside.capacity() * size_of::<[u32; 2]>()
    }
}

/// An id around its last number. In this order ids of a run lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id<'a> {
    around: [&'a str; 2],
    digits: u32,
    number: u64,
}

impl<'a> Id<'a> {
    /// Nothing where there is no digit in it.
    fn of(id: &'a str) -> Option<Self> {
        let end = id.bytes().rposition(|byte| byte.is_ascii_digit())? + 1;
        let digits = id.as_bytes()[..end].iter().rev();
        let digits = digits.take_while(|byte| byte.is_ascii_digit());
        let digits = (0..DIGITS_MAX).zip(digits).count();
        let start = end - digits;
        Some(Self {
            around: [&id[..start], &id[end..]],
            digits: u32::try_from(digits).ok()?,
            number: id[start..end].parse().ok()?,
        })
    }

    /// The id that counts one more.
    fn after(&self) -> Option<String> {
        (self.digits < DIGITS_MAX).then(|| self.with(self.number + 1, self.digits as usize))
    }

    /// The ids that may count one less: with as many digits, and where 99 and 099 both come before 100,
    /// with one less.
    fn before(&self) -> [Option<String>; 2] {
        let Some(number) = self.number.checked_sub(1) else {
            return [None, None];
        };
        let digits = self.digits as usize;
        let is_carry = digits > 1 && self.number == 10_u64.pow(self.digits - 1);
        [
            Some(self.with(number, digits)),
            is_carry.then(|| self.with(number, digits - 1)),
        ]
    }

    fn with(&self, number: u64, digits: usize) -> String {
        let [before, after] = self.around;
        format!("{before}{number:0digits$}{after}")
    }

    /// Whether `next` counts up by one: 9 to 10 as well as 09 to 10, but not 9 to 010.
    fn is_before(&self, next: &Self) -> bool {
        let carries = self.digits + 1 == next.digits && next.number == 10_u64.pow(self.digits);
        let is_as_long = self.digits == next.digits;
        self.around == next.around && self.number + 1 == next.number && (is_as_long || carries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<I: AsRef<str>>(ids: &[I]) -> u64 {
        consecutive(ids.iter().map(AsRef::as_ref))
    }

    #[test]
    fn ids_in_a_row_are_counted_in_any_order() {
        let ids: Vec<_> = (95..115).rev().map(|id| format!("P{id}")).collect();
        assert_eq!(of(&ids), 20);
        let padded: Vec<_> = (95..115).map(|id| format!("MP-{id:06}-X")).collect();
        assert_eq!(of(&padded), 20);
        let long: Vec<_> = (0..20).map(|id| format!("{}{id:02}", u64::MAX)).collect();
        assert_eq!(of(&long), 20);
    }

    #[test]
    fn gaps_pairs_and_names_are_no_run() {
        let every_second: Vec<_> = (0..40).map(|id| format!("P{}", 2 * id)).collect();
        let pairs: Vec<_> = (0..40).map(|id| format!("P{}", id + id / 2)).collect();
        assert_eq!([of(&every_second), of(&pairs)], [0, 0]);
        assert_eq!(of(&["ada", "bob", "cleo", ""]), 0);
    }

    #[test]
    fn the_same_number_written_otherwise_is_somebody_else() {
        assert_eq!(of(&["P7", "P07", "P007", "P08", "P009"]), 0);
        assert_eq!(of(&["P8", "P9", "P10", "Q11"]), 3);
        assert_eq!(of(&["P9", "P010", "P011"]), 0);
    }

    /// The people of these ids, numbered as they come.
    fn neighbours_of(ids: &[&str]) -> Neighbours {
        let mut neighbours = Neighbours::default();
        for (number, id) in ids.iter().enumerate() {
            neighbours.push(id, |id| {
                let place = ids[..number].iter().position(|known| *known == id);
                place.and_then(|place| u32::try_from(place).ok())
            });
        }
        neighbours
    }

    /// Those of these ids who are a run with the one at a place.
    fn run_of(ids: &[&str], place: usize, is_read: impl Fn(&str) -> bool) -> Option<Vec<String>> {
        let neighbours = neighbours_of(ids);
        let read = |other: u32| ids.get(other as usize).filter(|id| is_read(id));
        let run = neighbours.run_with(u32::try_from(place).ok()?, read)?;
        Some(run.into_iter().map(|(_, id)| (*id).to_owned()).collect())
    }

    #[test]
    fn five_ids_are_a_run_in_any_order() {
        let ids = ["P97", "P100", "P98", "P101", "P99", "P77", "ada"];
        for place in 0..5 {
            let run = run_of(&ids, place, |_| true);
            assert_eq!(run.map(|run| run.len()), Some(4), "{place}");
            let four = |id: &str| !["P97", "P101"].contains(&id);
            assert_eq!(run_of(&ids, 4, four), None);
        }
        assert_eq!(
            [run_of(&ids, 5, |_| true), run_of(&ids, 6, |_| true)],
            [None, None]
        );
    }

    #[test]
    fn one_that_is_refused_ends_no_run() {
        let ids: Vec<_> = (70..130).map(|id| format!("P{id:03}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let refused = |id: &str| !id.ends_with('3');
        assert!(run_of(&ids, 41, refused).is_some(), "one of ten");
        let pairs = |id: &str| !id.ends_with(['3', '4', '8', '9']);
        assert_eq!(run_of(&ids, 42, pairs), None);
    }

    #[test]
    fn an_id_has_one_before_it_and_one_after() {
        let ids = ["P099", "P100", "P99", "ada", "", "Q1"];
        let neighbours = neighbours_of(&ids);
        let beside = [[NOBODY, 1], [0, NOBODY], [NOBODY; 2]];
        assert_eq!(
            neighbours.beside[..3],
            beside,
            "who came first is before 100"
        );
    }

    #[test]
    fn half_of_the_people_and_ten_are_worth_telling() {
        let told = [(9, 9), (10, 20), (10, 21), (200, 200)];
        let told = told.map(|(consecutive, people)| is_told(consecutive, people));
        assert_eq!(told, [false, true, false, true]);
    }
}
