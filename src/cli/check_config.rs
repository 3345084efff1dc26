//! `rosterwatch check-config`: what is wrong with a configuration, all at once.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use crate::cli::configure;

/// Check a configuration without opening a socket: every problem at once.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The file; `ROSTERWATCH__…` variables count as they would for the daemon.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Checks the file.
///
/// # Errors
/// Standard output that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Err(code) = configure(Some(&args.file)) {
        return Ok(code);
    }
    let file = args.file.display();
    writeln!(std::io::stdout(), "{file}: no problem found").context("standard output")?;
    Ok(ExitCode::SUCCESS)
}
