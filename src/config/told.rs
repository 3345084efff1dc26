//! The files that analysts write, as the configuration names them.

use std::fs;

use super::read::Reader;
use crate::incident::{Verdicts, verdict::BadLine};

/// The verdicts that `detect.verdicts` names; none where something of them is wrong.
pub(super) fn verdicts(read: &mut Reader) -> Verdicts {
    let key = "detect.verdicts";
    let max = read.size("limits.verdicts");
    let parse = |text: &str| Verdicts::parse(text, max);
    parsed(read, key, parse).unwrap_or_default()
}

/// What a file holds that `key` names; nothing where none is named or something of it is wrong.
fn parsed<T>(
    read: &mut Reader,
    key: &str,
    parse: impl Fn(&str) -> Result<T, Vec<BadLine>>,
) -> Option<T> {
    let path = read.option(key)?;
    if read.is_from_environment(key) {
        read.refuse(key, "comes from the file only; move it there");
        return None;
    }
    let Ok(text) = fs::read_to_string(&path) else {
        read.refuse(
            key,
            "names a file that cannot be read; check the path and its rights",
        );
        return None;
    };
    match parse(&text) {
        Ok(parsed) => Some(parsed),
        Err(bad) => {
            for BadLine { line, reason } in bad {
                read.refuse_at(key, format!("{path}:{line}"), reason);
            }
            None
        }
    }
}
