//! The rosterwatch program: reads its arguments, starts telemetry and hands over to a command.

use std::process::ExitCode;

use clap::Parser as _;
use rosterwatch::{
    cli::{self, Cli},
    telemetry,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = telemetry::start(cli.log_format, cli.default_filter()) {
        return cli::fail(cli::USAGE, &error.into());
    }
    match cli.run() {
        Ok(code) => code,
        Err(error) => cli::fail(cli::INTERNAL, &error),
    }
}
