//! The built program on a backlog.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use rosterwatch::clock::Stopwatch;
use tempfile::TempDir;

use crate::{
    backlog::Backlog,
    broker::Broker,
    usage::{self, Run},
};

/// Runs `rosterwatch run` with a configuration in `dir`.
pub(crate) fn start(dir: &TempDir, config: &str, args: &[&str]) -> Child {
    let file = dir.path().join("rosterwatch.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rosterwatch"));
    command.arg("run").arg("--config").arg(file).args(args);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Drains the backlog. The time is that from the first feed's beginning to the last one's end, both
/// as the log tells them; the CPU is that of the whole process, its start and end included.
pub(crate) fn drain(broker: &Broker, backlog: &Backlog, round: usize) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let config = backlog.config(broker, &format!("{}-{round}", backlog.prefix));
    let cpu_before = usage::children_secs();
    let mut child = start(&dir, &config, &["--until-end"]);
    let (mut watch, mut secs, mut peak_mib) = (None, 0.0, 0.0);
    let (mut ended, mut told) = (0, String::new());
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("feed begins") {
            watch.get_or_insert_with(Stopwatch::start);
        } else if line.contains("feed decided to its end") {
            secs = watch.unwrap().elapsed().as_secs_f64();
            peak_mib = usage::peak_mib(child.id());
            ended += 1;
        }
        told += &line;
        told.push('\n');
    }
    let status = child.wait().unwrap();
    let is_whole = status.success() && ended == backlog.topics.len();
    assert!(is_whole, "{status}: {told}");
    Run {
        events: backlog.events,
        secs,
        cpu_secs: usage::children_secs() - cpu_before,
        peak_mib,
    }
}
