//! The command line: one file for each command, and what they share.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{config::Config, telemetry::LogFormat};

pub mod check_config;
pub mod demo;
pub mod headroom;
pub mod replay;
pub mod run;
pub mod score;
pub mod simulate;

/// Exit code of findings that were asked to fail on.
pub const FINDINGS: u8 = 1;
/// Exit code of wrong arguments and unreadable input.
pub const USAGE: u8 = 2;
/// Exit code of a fault of ours, and of output that was cut off.
pub const INTERNAL: u8 = 70;
/// Exit code of brokers that do not answer at the start.
pub const UNAVAILABLE: u8 = 69;
/// Exit code of a wrong configuration, refused credentials and missing topics of ours included.
pub const CONFIGURATION: u8 = 78;

/// The arguments of the program.
#[derive(Debug, Parser)]
#[command(
    name = "rosterwatch",
    version,
    about = "Watches suppliers' access logs for bulk exports of personnel records",
    after_help = EXAMPLES,
    propagate_version = true
)]
pub struct Cli {
    /// The form of log lines.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORM",
        help = "Form of log lines on standard error; ROSTERWATCH_LOG (info, debug, …) picks which"
    )]
    pub log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Replay(replay::Args),
    CheckConfig(check_config::Args),
    Simulate(Box<simulate::Args>),
    Score(score::Args),
    Headroom(headroom::Args),
}

const EXAMPLES: &str = "\
Examples:
  rosterwatch demo                                  the whole product, with nothing installed
  rosterwatch run --config rosterwatch.toml         the daemon
  rosterwatch check-config rosterwatch.toml         every problem of a configuration at once
  rosterwatch replay access.ndjson.gz               alerts over a log, on standard output
  rosterwatch replay --check sample.ndjson          which lines break the contract, and why
  rosterwatch simulate --out world                  a labelled month of synthetic logs
  rosterwatch replay world/events.ndjson --alerts alerts.ndjson
  rosterwatch score --labels world/labels.json --alerts alerts.ndjson
  rosterwatch headroom access.ndjson.gz             what each account could take unseen

Exit codes: 0 done, 1 findings asked to fail on, 2 usage or unreadable input,
69 a service is unreachable, 70 internal, 78 configuration.";

impl Cli {
    /// Which log lines are wanted where nobody says.
    pub const fn default_filter(&self) -> &'static str {
        match self.command {
            // Its standard output is for people.
            Command::Demo(_) => "warn",
            _ => "info",
        }
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// A fault of ours, and output that is cut off; not output whose reader has seen enough.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        match self.dispatch() {
            Err(error) if is_closed_pipe(&error) => Ok(ExitCode::SUCCESS),
            ended => ended,
        }
    }

    fn dispatch(&self) -> anyhow::Result<ExitCode> {
        match &self.command {
            Command::Demo(args) => demo::run(args),
            Command::Run(args) => run::run(args),
            Command::Replay(args) => replay::run(args),
            Command::CheckConfig(args) => check_config::run(args),
            Command::Simulate(args) => simulate::run(args),
            Command::Score(args) => score::run(args),
            Command::Headroom(args) => headroom::run(args),
        }
    }
}

/// Reads a configuration, or says everything that is wrong with it and gives the exit code back.
pub fn configure(file: Option<&Path>) -> Result<Config, ExitCode> {
    let environment = std::env::vars_os();
    let environment = environment
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    // Read here only to tell a file that cannot be read from one that is wrong.
    if let Some(path) = file
        && let Err(error) = std::fs::read(path)
    {
        let what = format!("{}: cannot be read; name a readable file", path.display());
        return Err(fail(USAGE, &anyhow::Error::new(error).context(what)));
    }
    Config::load(file, environment).map_err(|problems| {
        // Where standard error is gone there is nobody left to tell.
        drop(writeln!(io::stderr(), "{problems}"));
        ExitCode::from(CONFIGURATION)
    })
}

/// Says on one line of standard error what went wrong, and gives the exit code back.
pub fn fail(code: u8, error: &anyhow::Error) -> ExitCode {
    // Where standard error is gone there is nobody left to tell.
    drop(writeln!(io::stderr(), "rosterwatch: {error:#}"));
    ExitCode::from(code)
}

/// Whether the reader of our output has simply seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe)
}
