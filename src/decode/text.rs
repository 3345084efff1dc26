//! The inside of JSON strings: where the plain part ends, which escapes are legal, and what
//! they stand for.

use memchr::memchr;

/// Every byte of a word set to one.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of every byte of a word.
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// An escape sequence that JSON does not know, or half a surrogate pair.
#[derive(Debug)]
pub(super) struct BadEscape;

/// The first byte at or after `at` that ends a run of plain string text: a quote, a backslash
/// or a control character; or the end of `bytes`.
#[inline]
pub(super) fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at a time. A borrow can mark a byte wrongly only above one marked rightly, and
    // the lowest mark is the one that counts.
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let marks = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marks = marks & HIGHS;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    let plain = tail
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    at + plain.unwrap_or(tail.len())
}

/// The character that the escape at the head of `bytes` stands for, and its length in bytes.
pub(super) fn escape(bytes: &[u8]) -> Result<(char, usize), BadEscape> {
    let plain = match bytes.get(1).ok_or(BadEscape)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(bytes),
        _ => return Err(BadEscape),
    };
    Ok((plain, 2))
}

/// `\uXXXX`, or two of them where they are a surrogate pair.
fn unicode(bytes: &[u8]) -> Result<(char, usize), BadEscape> {
    let first = unit(bytes)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    let second = bytes.get(6..).ok_or(BadEscape).and_then(unit)?;
    if first >= 0xDC00 || !(0xDC00..0xE000).contains(&second) {
        return Err(BadEscape);
    }
    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    char::from_u32(code)
        .map(|character| (character, 12))
        .ok_or(BadEscape)
}

/// The sixteen bits of the `\uXXXX` at the head of `bytes`.
fn unit(bytes: &[u8]) -> Result<u32, BadEscape> {
    let [b'\\', b'u', digits @ ..] = bytes.first_chunk::<6>().ok_or(BadEscape)? else {
        return Err(BadEscape);
    };
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(BadEscape)?;
        Ok(unit << 4 | digit)
    })
}

/// Appends `quoted`, the inside of a string whose escapes are known to be legal, to `out` with
/// its escapes resolved.
pub(super) fn unescape(quoted: &str, out: &mut String) {
    let mut rest = quoted;
    while let Some(plain) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..plain]);
        let Ok((character, len)) = escape(&rest.as_bytes()[plain..]) else {
            debug_assert!(false, "the scanner has checked every escape");
            return;
        };
        out.push(character);
        rest = &rest[plain + len..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_text_ends_where_a_walk_by_byte_says(
            bytes in proptest::collection::vec(
                prop_oneof![4 => any::<u8>(), 1 => Just(b'"'), 1 => Just(b'\\'), 6 => 0x1e..0x24_u8],
                0..40,
            ),
            from in 0..40_usize,
        ) {
            let from = from.min(bytes.len());
            let slow = (from..bytes.len())
                .find(|at| bytes[*at] < 0x20 || bytes[*at] == b'"' || bytes[*at] == b'\\');
            prop_assert_eq!(plain_end(&bytes, from), slow.unwrap_or(bytes.len()));
        }

        #[test]
        fn unescaping_undoes_what_a_json_writer_escapes(text in any::<String>()) {
            let units: Vec<String> =
                text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            let units = units.concat();
            let json = serde_json::to_string(&text).unwrap();
            for quoted in [units.as_str(), &json[1..json.len() - 1]] {
                let mut out = String::new();
                unescape(quoted, &mut out);
                prop_assert_eq!(&out, &text);
            }
        }
    }
}
