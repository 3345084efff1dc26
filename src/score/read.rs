//! Reads labels and alert lines: no text of theirs is ever quoted in an error.

use serde::Deserialize;

use crate::event::{AccountKind, Timestamp};
use crate::simulate::{Labels, SCHEMA};

/// What of an alert matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The incident's identity.
    pub incident: String,
    /// The incident's revision.
    pub revision: u64,
    /// Whose system was read.
    pub supplier: String,
    /// Who read; nobody where the incident is a whole supplier's.
    pub account: Option<String>,
    /// What happened, in the alert's word; empty where it has none.
    pub kind: String,
    /// What the account is.
    pub account_kind: AccountKind,
    /// Start of the episode.
    pub started_at: Timestamp,
    /// When the evidence sufficed.
    pub raised_at: Timestamp,
    /// Last event of the episode so far.
    pub last_seen_at: Timestamp,
    /// Whether another incident took this one's place.
    pub superseded: bool,
}

impl Alert {
    /// Whether it is about the feed itself rather than about reading.
    pub fn is_about_feed(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "clock_skew" | "feed_gap" | "feed_silence" | "feed_stalled"
        )
    }
}

/// Why labels or an alert cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not the fields that are needed.
    #[error("not {what}: wrong JSON at line {line}, column {column}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// Where it went wrong, from 1.
        line: usize,
        /// Where it went wrong.
        column: usize,
    },
    /// A schema that this release does not read.
    #[error("not {what}: its `schema` is another")]
    Schema {
        /// What was expected.
        what: &'static str,
    },
    /// A time that is none.
    #[error("`{field}` is not an RFC 3339 time")]
    Time {
        /// The field.
        field: &'static str,
    },
}

impl Error {
    /// Whether trying again can help: never, the input must change.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Json { .. } | Self::Schema { .. } | Self::Time { .. } => false,
        }
    }
}

#[derive(Deserialize)]
struct WireAlert {
    schema: String,
    incident: String,
    revision: u64,
    kind: Option<String>,
    supplier: String,
    account: Option<String>,
    account_kind: Option<String>,
    started_at: Option<String>,
    raised_at: String,
    last_seen_at: Option<String>,
    superseded_by: Option<String>,
}

/// Reads one line of alerts (`rosterwatch.alert/1`).
pub fn parse_alert(line: &str) -> Result<Alert, Error> {
    const WHAT: &str = "an alert (rosterwatch.alert/1)";
    let wire: WireAlert = serde_json::from_str(line).map_err(|error| Error::Json {
        what: WHAT,
        line: error.line(),
        column: error.column(),
    })?;
    if wire.schema != "rosterwatch.alert/1" {
        return Err(Error::Schema { what: WHAT });
    }
    let raised_at = parse_time(&wire.raised_at, "raised_at")?;
    let or_raised = |text: Option<String>, field| match text {
        Some(text) => parse_time(&text, field),
        None => Ok(raised_at),
    };
    Ok(Alert {
        incident: wire.incident,
        revision: wire.revision,
        kind: wire.kind.unwrap_or_default(),
        supplier: wire.supplier,
        account: wire.account,
        account_kind: AccountKind::from_wire(wire.account_kind.as_deref().unwrap_or_default()),
        started_at: or_raised(wire.started_at, "started_at")?,
        raised_at,
        last_seen_at: or_raised(wire.last_seen_at, "last_seen_at")?,
        superseded: wire.superseded_by.is_some(),
    })
}

/// Reads `labels.json`.
pub fn parse_labels(text: &str) -> Result<Labels, Error> {
    const WHAT: &str = "labels (rosterwatch.labels/1)";
    let labels: Labels = serde_json::from_str(text).map_err(|error| Error::Json {
        what: WHAT,
        line: error.line(),
        column: error.column(),
    })?;
    if labels.schema == SCHEMA {
        Ok(labels)
    } else {
        Err(Error::Schema { what: WHAT })
    }
}

/// Reads an RFC 3339 time; `field` names it where it is none.
pub(super) fn parse_time(text: &str, field: &'static str) -> Result<Timestamp, Error> {
    text.parse::<jiff::Timestamp>()
        .map(|time| Timestamp::from_millis(time.as_millisecond()))
        .map_err(|_error| Error::Time { field })
}
