//! Whether people were read id by id: what work brings mostly has gaps, and who enumerates leaves none.
//!
//! It is told beside what was too much and is no test of its own: programs that page through a register
//! do the same every night (reference: detection, scan shape).

/// Fewer people than this may be consecutive by chance.
const PEOPLE_MIN: u64 = 10;
/// Ids in a row from which they are a run: two may be a couple that was enrolled together.
const RUN_MIN: usize = 3;
/// Digits of an id that are taken for a number; those before them are part of its name.
const DIGITS_MAX: u32 = 18;

/// Whether it is worth telling that so many of the `people` have consecutive ids: half of them, and no
/// handful.
pub const fn is_told(consecutive: u64, people: u64) -> bool {
    consecutive >= PEOPLE_MIN && 2 * consecutive >= people
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

    #[test]
    fn half_of_the_people_and_ten_are_worth_telling() {
        let told = [(9, 9), (10, 20), (10, 21), (200, 200)];
        let told = told.map(|(consecutive, people)| is_told(consecutive, people));
        assert_eq!(told, [false, true, false, true]);
    }
}
