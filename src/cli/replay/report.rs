//! What `replay` tells people: refused lines with a remedy, and the summary.
//!
//! Nothing here ever holds a word of the input: lines are named by file and number.

use std::{fmt, io, time::Duration};

use super::engine::Totals;
use crate::decode::{Refusal, Reject};

/// One refused line: where it is, which field is at fault, why, and what to do.
pub(super) struct Refused<'a> {
    pub(super) file: &'a str,
    pub(super) line: u64,
    pub(super) refusal: Refusal,
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { reject, field } = self.refusal;
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(field) = field {
            write!(f, "field `{field}`: ")?;
        }
        write!(f, "{} \u{2014} {}", reject.as_str(), remedy(self.refusal))
    }
}

/// What to change so that the line is accepted.
fn remedy(refusal: Refusal) -> &'static str {
    match refusal.reject {
        Reject::TooLarge => "keep a line at or below 256 KiB; split the event over several ids",
        Reject::NotUtf8 => "write UTF-8",
        Reject::NotJson => "write exactly one JSON object a line, and no blank lines",
        Reject::NotObject => "write a JSON object, in braces",
        Reject::TooComplex => "nest at most 16 levels and give an object at most 64 keys",
        Reject::DuplicateKey => "give each key once in an object",
        Reject::Nul => "leave NUL characters out of strings",
        Reject::MissingField => "give the field, and not empty",
        Reject::WrongType => {
            "give the type of the contract; integers are plain digits, neither negative nor quoted"
        }
        Reject::OverLimit if refusal.field == Some("supplier") => {
            "keep the name within 128 bytes, and the number of suppliers within --suppliers-max"
        }
        Reject::OverLimit => "keep strings and arrays within the contract's lengths",
        Reject::BadTime => {
            "write RFC 3339 such as 2026-11-23T09:14:05.123Z, or epoch milliseconds, between 2000 and 2100"
        }
        Reject::BadSupplier => "use lower-case letters, digits, `.`, `_` and `-` alone",
        Reject::WrongSupplier => "name the supplier that the topic belongs to",
        Reject::SubjectAndSubjects => "give `subject` or `subjects`, not both",
    }
}

/// Writes the summary of a replay of `files` files.
pub(super) fn summary(
    out: &mut impl io::Write,
    totals: &Totals,
    files: usize,
    elapsed: Duration,
) -> io::Result<()> {
    reading(out, totals, files, elapsed)?;
    writeln!(
        out,
        "decided {} ({} conflicting, {} late, {} later than the horizon: exposure only)",
        totals.decided, totals.conflicting, totals.late_decided, totals.late_exposure_only
    )?;
    refusals(out, totals)?;
    writeln!(out, "duplicate {}", totals.duplicate)?;
    writeln!(
        out,
        "suppliers {}, accounts {}",
        totals.suppliers, totals.accounts
    )?;
    writeln!(
        out,
        "incidents {} opened, {} closed, {} still open; {} alerts",
        totals.incidents_opened, totals.incidents_closed, totals.incidents_open, totals.alerts
    )?;
    if totals.suppressed > 0 {
        writeln!(out, "suppressed {} of the alerts", totals.suppressed)?;
    }
    verdicts(out, totals)?;
    for (limit, times) in &totals.limits {
        writeln!(
            out,
            "LIMIT REACHED: {limit}, {times} times; something may have been missed: raise this limit"
        )?;
    }
    Ok(())
}

fn verdicts(out: &mut impl io::Write, totals: &Totals) -> io::Result<()> {
    let [given, counted] = totals.verdicts;
    if given == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "verdicts {given}: {counted} counted, {} account-days taught in full and {} nothing; {} met no incident, or \
         one whose day is not over",
        totals.verdict_counts.taught,
        totals.verdict_counts.rejected,
        given.saturating_sub(counted),
    )
}

/// Writes the summary of a check of `files` files.
pub(super) fn check_summary(
    out: &mut impl io::Write,
    totals: &Totals,
    files: usize,
    elapsed: Duration,
) -> io::Result<()> {
    reading(out, totals, files, elapsed)?;
    refusals(out, totals)
}

fn reading(
    out: &mut impl io::Write,
    totals: &Totals,
    files: usize,
    elapsed: Duration,
) -> io::Result<()> {
    let seconds = elapsed.as_secs_f64();
    writeln!(
        out,
        "read {} records of {files} file{} in {seconds:.1} s ({:.0} events/s)",
        totals.read,
        if files == 1 { "" } else { "s" },
        totals.read as f64 / seconds.max(1e-9),
    )
}

fn refusals(out: &mut impl io::Write, totals: &Totals) -> io::Result<()> {
    write!(out, "refused {}", totals.refused_in_all())?;
    let mut before = " (";
    for (reject, count) in Reject::ALL.iter().zip(totals.refused) {
        if count > 0 {
            write!(out, "{before}{} {count}", reject.as_str())?;
            before = ", ";
        }
    }
    writeln!(out, "{}", if before == ", " { ")" } else { "" })
}
