//! Where a file that the reader of configurations refuses is wrong: its own words would quote the file.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where `text` is no TOML, or holds a number past 64 bits, as `:line`, and what to do about it.
pub(super) fn slip(text: &str) -> (String, &'static str) {
    let form = "is not TOML; see config/default.toml for the form";
    let (start, remedy) = match DeTable::parse(text) {
        Err(error) => (error.span().map(|span| span.start), form),
        Ok(table) => match table.get_ref().values().find_map(too_large) {
            Some(start) => (Some(start), "is a number past 64 bits; write a smaller one"),
            None => (None, form),
        },
    };
    let before = start.and_then(|start| text.get(..start));
    let line = before.map(|before| format!(":{}", 1 + before.matches('\n').count()));
    (line.unwrap_or_default(), remedy)
}

/// Where the first whole number in a value is that 64 bits do not hold.
fn too_large(value: &Spanned<DeValue<'_>>) -> Option<usize> {
    match value.get_ref() {
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.is_err().then(|| value.span().start)
        }
        DeValue::Array(values) => values.iter().find_map(too_large),
        DeValue::Table(table) => table.values().find_map(too_large),
        _ => None,
    }
}
