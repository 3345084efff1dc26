//! The files that analysts write, as the configuration names them.

use std::fs;

use config::{File, FileFormat};
use serde_json::{Map, Value};

use super::{
    declared::{day_of, minutes_of},
    read::Reader,
    slip::slip,
};
use crate::{
    event::{Action, DAY_MS, Timestamp},
    incident::{Verdicts, suppress::Suppression, verdict::BadLine},
};

/// The verdicts that `detect.verdicts` names; none where something of them is wrong.
pub(super) fn verdicts(read: &mut Reader) -> Verdicts {
    let key = "detect.verdicts";
    let max = read.size("limits.verdicts");
    let Some((path, text)) = text_of(read, key) else {
        return Verdicts::default();
    };
    Verdicts::parse(&text, max).unwrap_or_else(|bad| {
        for BadLine { line, reason } in bad {
            read.refuse_at(key, format!("{path}:{line}"), reason);
        }
        Verdicts::default()
    })
}

/// The suppressions that `detect.suppressions` names; those that will do.
pub(super) fn suppressions(read: &mut Reader) -> Vec<Suppression> {
    let key = "detect.suppressions";
    let max = read.size("limits.suppressions");
    let Some((path, text)) = text_of(read, key) else {
        return Vec::new();
    };
    let given = if text.trim_start().starts_with('{') {
        of_lines(&text)
    } else {
        of_toml(&text)
    };
    let Some(given) = given else {
        let remedy = "is neither TOML of [[suppression]] tables nor JSON lines; mend it";
        read.refuse_at(key, format!("{path}{}", slip(&text).0), remedy);
        return Vec::new();
    };
    if given.len() > max {
        read.refuse_at(key, path, "holds more than limits.suppressions; raise it");
        return Vec::new();
    }
    let mut suppressions = Vec::new();
    for (place, table) in given {
        match table.and_then(|table| suppression(&table)) {
            Ok(suppression) => suppressions.push(suppression),
            Err(remedy) => read.refuse_at(key, format!("{path}{place}"), &remedy),
        }
    }
    suppressions
}

/// The path and the text of the file that `key` names.
fn text_of(read: &mut Reader, key: &str) -> Option<(String, String)> {
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
    Some((path, text))
}

/// Where each lies in its file, and its table.
type Given = Vec<(String, Result<Map<String, Value>, String>)>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "the twin of a form that can be wrong as a whole"
)]
fn of_lines(text: &str) -> Option<Given> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let given = lines.map(|(number, line)| {
        let table = serde_json::from_str(line).map_err(|_| "is no JSON object".to_owned());
        (format!(":{}", number + 1), table)
    });
    Some(given.collect())
}

fn of_toml(text: &str) -> Option<Given> {
    let built = config::Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .build();
    let Value::Object(mut tree) = built.ok()?.try_deserialize().ok()? else {
        return None;
    };
    let tables = tree.remove("suppression").unwrap_or(Value::Array(vec![]));
    let (Value::Array(tables), true) = (tables, tree.is_empty()) else {
        return None;
    };
    let table = |(number, table)| {
        let table = match table {
            Value::Object(table) => Ok(table),
            _ => Err("is no table; write [[suppression]]".to_owned()),
        };
        (format!(", suppression {}", number + 1), table)
    };
    Some(tables.into_iter().enumerate().map(table).collect())
}

const KEYS: [&str; 8] = [
    "supplier",
    "account",
    "action",
    "source_ip",
    "hours",
    "people_max",
    "until",
    "reason",
];

/// One suppression, or what is wrong with it and what to do.
fn suppression(table: &Map<String, Value>) -> Result<Suppression, String> {
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("{key} is unknown; there is {}", KEYS.join(", ")));
    }
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(format!("{key} is no string, or an empty one")),
    };
    let needed = |key: &str| text(key)?.ok_or_else(|| format!("{key} is missing"));
    let action = text("action")?.map(|word| {
        let mut all = Action::ALL.into_iter();
        let action = all.find(|action| action.as_str() == word && action.is_read());
        action.ok_or("action is none that reads; write view, export or another of the events'")
    });
    let hours = text("hours")?.map(|hours| {
        let (from, to) = hours.split_once('-')?;
        let hours = (minutes_of(from)?, minutes_of(to)?);
        (hours.0 != hours.1).then_some(hours)
    });
    let people_max = table.get("people_max").map(|max| {
        let max = max.as_u64().filter(|max| *max > 0);
        max.ok_or("people_max is no whole number above 0")
    });
    let until = day_of(&needed("until")?).ok_or("until is no date; write 2026-12-31")?;
    Ok(Suppression {
        supplier: needed("supplier")?,
        account: text("account")?,
        action: action.transpose()?,
        source_ip: text("source_ip")?,
        hours: match hours {
            Some(None) => return Err("hours are none; write 01:00-05:00, in UTC".to_owned()),
            hours => hours.flatten(),
        },
        people_max: people_max.transpose()?,
        // Through the end of that day.
        until: Timestamp::from_millis((until + 1) * DAY_MS),
        reason: needed("reason")?,
    })
}
