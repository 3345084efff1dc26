//! Whether people were read id by id: a work list has gaps, an enumeration has none.
//!
//! It is told beside what was too much and is no test of its own: programs that page through a register
//! do the same every night (reference: detection, scan shape).

/// Fewer people than this are in sequence by chance.
const PEOPLE_MIN: usize = 10;
/// Told where so large a part of the people follow on another.
const SHARE_MIN: f64 = 0.5;

/// Of different people, how many have an id that is one above another's; nothing where they are fewer
/// than half, or hardly anybody was read. An id is what comes before its last digits, and the number that
/// these are.
pub fn consecutive<'a>(ids: impl Iterator<Item = &'a str>) -> Option<u64> {
    let mut ids: Vec<(&str, u64)> = ids.filter_map(split).collect();
    ids.sort_unstable();
    ids.dedup();
    let follows =
        |pair: &&[(&str, u64)]| matches!(pair, [(a, from), (b, to)] if a == b && from + 1 == *to);
    let following = ids.windows(2).filter(follows).count();
    let is_told = ids.len() >= PEOPLE_MIN && following as f64 >= SHARE_MIN * ids.len() as f64;
    is_told.then_some(following as u64)
}

/// What comes before the last digits of an id, and their number; nothing without any, or past 2^64.
fn split(id: &str) -> Option<(&str, u64)> {
    let digits = id.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, number) = id.split_at(id.len() - digits);
    Some((before, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[String]) -> Option<u64> {
        consecutive(ids.iter().map(String::as_str))
    }

    #[test]
    fn ids_in_a_row_are_counted_in_any_order_and_once() {
        let mut ids: Vec<_> = (95..115).rev().map(|id| format!("P{id}")).collect();
        ids.push("P100".to_owned());
        ids.push("Q115".to_owned());
        assert_eq!(of(&ids), Some(19));
    }

    #[test]
    fn gaps_few_people_and_names_are_no_sequence() {
        let ids = |step: usize, count| -> Vec<_> {
            (0..count).map(|id| format!("P{}", id * step)).collect()
        };
        assert_eq!(of(&ids(2, 40)), None);
        assert_eq!(of(&ids(1, 9)), None);
        assert_eq!(of(&vec!["somebody".to_owned(); 40]), None);
        let huge = (0..40).map(|id| format!("{}{id:02}", u64::MAX));
        assert_eq!(of(&huge.collect::<Vec<_>>()), None);
    }
}
