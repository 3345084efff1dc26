//! `rosterwatch check-config`: what is wrong with a configuration, all at once.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use crate::cli::{INTERNAL, configure};

/// Check a configuration without opening a socket: every problem at once.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The file; `ROSTERWATCH__…` variables count as they would for the daemon.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Checks the file.
pub fn run(args: &Args) -> ExitCode {
    if let Err(code) = configure(Some(&args.file)) {
        return code;
    }
    let told = writeln!(
        std::io::stdout(),
        "{}: no problem found",
        args.file.display()
    );
    told.map_or(ExitCode::from(INTERNAL), |()| ExitCode::SUCCESS)
}
