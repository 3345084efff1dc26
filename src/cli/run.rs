//! `rosterwatch run`: the daemon, from its settings to its exit code.

use std::{net::TcpListener, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use crossbeam_channel::{Sender, bounded};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    cli::{CONFIGURATION, INTERNAL, UNAVAILABLE, configure, fail},
    daemon::{self, Outcome, Settings},
    kafka,
    serve::{self, Bounds},
};

/// Watch the suppliers' topics until SIGTERM.
///
/// Decides every event of the input topics, writes alerts to the alerts topic, names refused
/// records in the quarantine topic, and commits input positions after the alerts are safe.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The configuration; `ROSTERWATCH__…` variables override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Stop at the end of every partition as it stands at the start.
    #[arg(long)]
    until_end: bool,
}

/// Runs the daemon by its configuration.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match configure(args.config.as_deref()) {
        Ok(config) => {
            let listener = match serve::bind(config.metrics_listen) {
                Ok(listener) => listener,
                Err(error) => {
                    let address = config.metrics_listen;
                    let error = anyhow::Error::new(error)
                        .context(format!("metrics.listen: {address} cannot be listened on"));
                    return Ok(fail(CONFIGURATION, &error));
                }
            };
            daemon(config.daemon(), listener, args.until_end)
        }
        Err(code) => Ok(code),
    }
}

/// Runs the daemon until SIGTERM or SIGINT, or with `until_end` until everything is read.
///
/// # Errors
/// Signals that cannot be listened for.
pub fn daemon(
    settings: Settings,
    listener: TcpListener,
    until_end: bool,
) -> anyhow::Result<ExitCode> {
    let (ask, shutdown) = bounded(1);
    let runtime = beside(&settings, listener, ask)?;
    let ended = daemon::run(settings, &shutdown, until_end);
    runtime.shutdown_background();
    Ok(exit_of(ended))
}

/// What runs beside the daemon: a signal asks it to end, and metrics and probes are served.
///
/// # Errors
/// A runtime that does not start, signals that cannot be listened for.
pub fn beside(
    settings: &Settings,
    listener: TcpListener,
    ask: Sender<()>,
) -> anyhow::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime that listens for signals")?;
    let (mut terminate, mut interrupt) = {
        let _within = runtime.enter();
        let listen = |kind| signal(kind).context("listening for signals");
        (
            listen(SignalKind::terminate())?,
            listen(SignalKind::interrupt())?,
        )
    };
    runtime.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Full where somebody has asked before.
        let _asked = ask.try_send(());
    });
    let address = listener
        .local_addr()
        .context("asking for the address of metrics")?;
    tracing::info!("metrics on http://{address}/metrics");
    let (metrics, health) = (Arc::clone(&settings.metrics), Arc::clone(&settings.health));
    runtime.spawn(async move {
        if let Err(error) = serve::serve(listener, metrics, health, Bounds::default()).await {
            tracing::error!(%error, "metrics are served no more");
        }
    });
    Ok(runtime)
}

/// The exit code of a daemon's end; says on the log what was wrong.
pub fn exit_of(ended: Result<Outcome, kafka::Error>) -> ExitCode {
    match ended {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Undelivered(_)) => ExitCode::from(INTERNAL),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// The exit code that tells a supervisor whose fault it is.
fn exit_code(error: &kafka::Error) -> u8 {
    match error {
        kafka::Error::Unreachable { .. } => UNAVAILABLE,
        kafka::Error::Refused { .. }
        | kafka::Error::MissingTopics { .. }
        | kafka::Error::PartitionCount { .. }
        | kafka::Error::Fenced
        | kafka::Error::NoMember { .. }
        | kafka::Error::Settings { .. } => CONFIGURATION,
        kafka::Error::Stalled { .. } | kafka::Error::Failed { .. } => INTERNAL,
    }
}
