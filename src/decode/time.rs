//! Times on the wire: RFC 3339, or integer epoch milliseconds.

use crate::event::{DAY_MS, Timestamp, days_from_civil};

/// The first moment the contract allows, 2000-01-01T00:00:00Z.
const MIN: i64 = days_from_civil(2000, 1, 1) * DAY_MS;
/// The first moment past what it allows, 2100-01-01T00:00:00Z.
const END: i64 = days_from_civil(2100, 1, 1) * DAY_MS;

/// An RFC 3339 date and time with any offset, truncated to milliseconds.
///
/// As the notes of RFC 3339 §5.6 allow, `T` and `Z` may be lower-case and a space may stand for
/// `T`. Second 60 is the last millisecond of its minute, since leap seconds have no place in
/// epoch time; only there, at the end of a UTC day's last minute in any offset, is not checked.
/// Nothing where it is malformed, no such date, or outside 2000 to 2100.
pub(super) fn from_rfc3339(text: &str) -> Option<Timestamp> {
    let (head, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = head
    else {
        return None;
    };
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let (month, day) = (two(*m1, *m2)?, two(*d1, *d2)?);
    let (hour, minute, second) = (two(*h1, *h2)?, two(*n1, *n2)?, two(*s1, *s2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (mut millis, zone) = fraction(rest)?;
    if second == 60 {
        millis = 59_999;
    } else {
        millis += second * 1_000;
    }
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset(zone)?;
    from_epoch_millis(minutes * 60_000 + millis)
}

/// The moment `millis` after the epoch, where the contract allows it.
pub(super) fn from_epoch_millis(millis: i64) -> Option<Timestamp> {
    (MIN..END)
        .contains(&millis)
        .then_some(Timestamp::from_millis(millis))
}

/// The number that two digits write.
#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The milliseconds of a fraction of a second, if there is one, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', digits @ ..] = text else {
        return Some((0, text));
    };
    let len = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(len);
    let digit = |index: usize| digits.get(index).map_or(0, |digit| i64::from(digit - b'0'));
    (len > 0).then_some((digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

/// Minutes east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = zone else {
        return matches!(zone, b"Z" | b"z").then_some(0);
    };
    let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let east = hours * 60 + minutes;
    Some(if *sign == b'-' { -east } else { east })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> Option<i64> {
        from_rfc3339(text).map(Timestamp::as_millis)
    }

    /// What `jiff` reads, where the contract allows the moment.
    fn slow(text: &str) -> Option<i64> {
        let at: jiff::Timestamp = text.parse().ok()?;
        Some(at.as_millisecond()).filter(|millis| (MIN..END).contains(millis))
    }

    #[test]
    fn the_borders_of_the_contract_are_its_first_and_last_millisecond() {
        assert_eq!(millis("2000-01-01T00:00:00Z"), Some(946_684_800_000));
        assert_eq!(millis("2000-01-01T00:00:00+00:01"), None);
        assert_eq!(millis("1999-12-31T23:00:00-01:00"), Some(946_684_800_000));
        assert_eq!(millis("2099-12-31T23:59:59.9999Z"), Some(END - 1));
        assert_eq!(millis("2100-01-01T00:00:00Z"), None);
        assert_eq!(millis("2100-01-01T00:30:00+00:31"), Some(END - 60_000));
    }

    #[test]
    fn the_forms_that_the_standard_leaves_open_are_read() {
        let at = millis("2026-11-23T09:14:05Z");
        for form in [
            "2026-11-23t09:14:05z",
            "2026-11-23 09:14:05Z",
            "2026-11-23T09:14:05-00:00",
            "2026-11-23T09:14:05.00099999999999999999999999999999Z",
        ] {
            assert_eq!(millis(form), at, "{form}");
        }
        let leap = millis("2016-12-31T23:59:60.5Z");
        assert_eq!(leap, millis("2016-12-31T23:59:59.999Z"));
    }

    proptest! {
        #[test]
        fn every_moment_and_offset_reads_as_another_crate_reads_it(
            (year, month, day) in (1998..2103_i64, 1..=12_i64, 1..=31_i64),
            (hour, minute, second) in (0..=24_i64, 0..=60_i64, 0..60_i64),
            fraction in prop_oneof![Just(String::new()), "\\.[0-9]{1,9}"],
            zone in prop_oneof![Just("Z".to_owned()), "[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]"],
        ) {
            let text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
            );
            // Hour 24 is valid for nobody here; a crate may differ in what it repairs.
            prop_assert_eq!(millis(&text), slow(&text), "{}", text);
        }

        #[test]
        fn a_time_with_one_wrong_byte_is_never_read_otherwise(at in 0..29_usize, byte in 0x20..0x7f_u8) {
            let mut bytes = b"2026-11-23T09:14:05.123+01:30".to_vec();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Some(ours) = millis(&text) && !text.contains(":60") {
                prop_assert_eq!(Some(ours), slow(&text), "{}", text);
            }
        }
    }
}
