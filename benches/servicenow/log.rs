//! The event log of a real company's incident management, as access events.
//!
//! Who touched which incident, and when: the account is `sys_updated_by`, the person whose record
//! it is is the incident's `number`, every row is a view. Times are local and have minutes alone;
//! the rows of a minute are spread evenly over its seconds, in the order of the file.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, ensure};
use flate2::read::DeflateDecoder;
use rosterwatch::event::{DAY_MS, days_from_civil};

/// The supplier that the log is taken to be of.
pub(super) const SUPPLIER: &str = "servicenow";
/// First day of the span; before it and after it the log is thin.
pub(super) const FROM_DAY: i64 = days_from_civil(2016, 3, 1);
/// First day after the span.
pub(super) const TO_DAY: i64 = days_from_civil(2016, 6, 1);

const MINUTE_MS: i64 = 60_000;
/// Where the columns lie.
const NUMBER: usize = 0;
const UPDATED_BY: usize = 12;
const UPDATED_AT: usize = 13;
const HEADER: [(usize, &str); 3] = [
    (NUMBER, "number"),
    (UPDATED_BY, "sys_updated_by"),
    (UPDATED_AT, "sys_updated_at"),
];

/// One row: an account touched an incident.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) time: i64,
    pub(super) account: String,
    pub(super) incident: String,
}

impl Row {
    /// The row as an access event; `id` is its own among all rows.
    pub(super) fn to_json(&self, id: &str) -> String {
        let Self {
            time,
            account,
            incident,
        } = self;
        format!(
            r#"{{"id":"{id}","time":{time},"supplier":"{SUPPLIER}","account":"{account}","account_kind":"person","action":"view","subject":"{incident}"}}"#
        )
    }
}

/// The rows of the span in the order of their times, from the archive at `path`.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let archive = fs::read(path).with_context(|| path.display().to_string())?;
    let mut lines = BufReader::new(only_member(&archive)?).lines();
    let header = lines.next().context("the log is empty")??;
    let names: Vec<&str> = header.split(',').collect();
    for (column, name) in HEADER {
        let is_there = names.get(column) == Some(&name);
        ensure!(is_there, "column {column} of the log is not `{name}`");
    }
    let mut rows = Vec::new();
    for line in lines {
        let line = line?;
        let cells: Vec<&str> = line.split(',').collect();
        ensure!(
            cells.len() == names.len(),
            "a row of the log has other columns"
        );
        let time = minute_of(cells[UPDATED_AT]).context("a time is not d/m/Y H:M")?;
        if (FROM_DAY * DAY_MS..TO_DAY * DAY_MS).contains(&time) {
            rows.push(Row {
                time,
                account: cells[UPDATED_BY].to_owned(),
                incident: cells[NUMBER].to_owned(),
            });
        }
    }
    // A stable sort: the rows of a minute stay in the order of the file.
    rows.sort_by_key(|row| row.time);
    for minute in rows.chunk_by_mut(|row, next| row.time == next.time) {
        let count = i64::try_from(minute.len())?;
        for (place, row) in (0..).zip(minute) {
            row.time += MINUTE_MS * place / count;
        }
    }
    Ok(rows)
}

/// The bytes of an archive's first member, which is its only one.
///
/// The few fields of its header that matter are read here: an archive of one member needs no
/// directory.
fn only_member(archive: &[u8]) -> anyhow::Result<DeflateDecoder<&[u8]>> {
    const HEADER_BYTES: usize = 30;
    let short = |at: usize| -> Option<usize> {
        let bytes = archive.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    ensure!(
        archive.starts_with(b"PK\x03\x04"),
        "the log is no zip archive"
    );
    ensure!(short(8) == Some(8), "the log is not deflated");
    let names = short(26).zip(short(28)).context("the archive is cut")?;
    let start = HEADER_BYTES + names.0 + names.1;
    let data = archive.get(start..).context("the archive is cut")?;
    Ok(DeflateDecoder::new(data))
}

/// Milliseconds since the epoch of `d/m/Y H:M`, read as if it were UTC.
fn minute_of(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '/').map(str::parse::<i64>);
    let mut next = || date.next()?.ok();
    let (day, month, year) = (next()?, next()?, next()?);
    let (hour, minute) = time.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    Some(days_from_civil(year, month, day) * DAY_MS + (60 * hour + minute) * MINUTE_MS)
}
