//! Log lines on standard error, as text or JSON.
//!
//! `ROSTERWATCH_LOG` says which, in the syntax of `RUST_LOG`: `warn`, `info,rosterwatch::kafka=debug`.

use std::env::{self, VarError};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The variable that says which log lines are wanted.
pub const FILTER_VARIABLE: &str = "ROSTERWATCH_LOG";

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text each.
    #[default]
    Text,
    /// One JSON object each.
    Json,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The variable is not Unicode.
    #[error("{FILTER_VARIABLE} is not Unicode; set it to a level such as info")]
    NotUnicode,
    /// The variable holds no filter.
    #[error("{FILTER_VARIABLE} is no log filter; set it to a level such as info or warn")]
    Filter,
}

impl Error {
    /// Whether trying again can help: never, the environment stays as it is.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::NotUnicode | Self::Filter => false,
        }
    }
}

/// Sends log lines to standard error from now on, those of `default` where the variable does not
/// say. A second call changes nothing.
pub fn start(format: LogFormat, default: &str) -> Result<(), Error> {
    let wanted = match env::var(FILTER_VARIABLE) {
        Ok(wanted) if !wanted.is_empty() => wanted,
        Ok(_) | Err(VarError::NotPresent) => default.to_owned(),
        Err(VarError::NotUnicode(_)) => return Err(Error::NotUnicode),
    };
    // A word that is no level would be a target, and all others would be off.
    if !wanted.split(',').all(says_level) {
        return Err(Error::Filter);
    }
    let filter = EnvFilter::try_new(wanted).map_err(|_| Error::Filter)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // The only failure is that somebody has started it before.
    drop(started);
    Ok(())
}

/// Whether a part of a filter says a level, alone or of a target.
fn says_level(part: &str) -> bool {
    let part = part.trim();
    part.contains('=') || part.parse::<LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_no_filter() {
        for level in ["warn", "INFO", "off", " debug", "rosterwatch::kafka=debug"] {
            assert!(says_level(level), "{level}");
        }
        for word in ["warning", "nonsense", "rosterwatch"] {
            assert!(!says_level(word), "{word}");
        }
    }
}
