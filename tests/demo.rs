//! `demo` as a newcomer meets it: in the built program, with nothing installed.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use rosterwatch::clock::Stopwatch;

use crate::support::{exposition::Exposition, http::ask};

/// A short play, and what it has said.
struct Demo {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
            .args(["demo", "--days", "15", "--accounts", "40"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The next line that holds `words`.
    fn line_with(&mut self, words: &str) -> String {
        let mut lines = self.out.by_ref().lines().map(Result::unwrap);
        let found = lines.find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("no line with {words:?}"))
    }

    fn address(&mut self) -> SocketAddr {
        let line = self.line_with("Metrics: http://");
        let (_, address) = line.split_once("http://").unwrap();
        address.split('/').next().unwrap().parse().unwrap()
    }

    /// Waits for its end: how it ended, the rest of its output, and its log.
    fn end(mut self) -> (ExitStatus, String, String) {
        let (mut rest, mut log) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).unwrap();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), rest, log)
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }
}

/// Thefts caught and planted, by the closing line.
fn caught(summary: &str) -> (usize, usize) {
    let line = summary.lines().find(|line| line.starts_with("Caught "));
    let line = line.unwrap_or_else(|| panic!("no closing line in {summary}"));
    let words: Vec<&str> = line.split(' ').collect();
    (words[1].parse().unwrap(), words[3].parse().unwrap())
}

#[test]
fn thefts_are_told_as_they_come_and_summed_up() {
    let started = Stopwatch::start();
    let mut demo = Demo::start(&["--seconds", "8", "--metrics", "127.0.0.1:0", "--keep"]);
    let address = demo.address();
    let alert = demo.line_with(" at ");
    assert!(started.elapsed().as_secs() < 30, "the first alert is late");
    assert!(alert.starts_with("2026-06-"), "{alert}");
    let reason = demo.line_with("");
    assert!(
        reason.starts_with("    ") && reason.contains(" is too much"),
        "{reason}"
    );
    demo.line_with("Planted:");
    let mut lines = Vec::new();
    loop {
        lines.push(demo.line_with(""));
        if lines
            .iter()
            .any(|line| line.starts_with("The play is over"))
        {
            break;
        }
    }
    let fates = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    let (found, planted) = caught(&lines.join("\n"));
    assert_eq!(
        (found, planted - found),
        (fates("caught after"), fates("MISSED"))
    );
    assert_eq!(planted, 6, "one theft of each family");
    assert!(found >= 4, "{lines:#?}");

    let page = Exposition::read(&ask(address, "GET", "/metrics").body).unwrap();
    assert!(page.sum("events_received_total", &[]) > 1_000.0);
    assert_eq!(page.values("accounting_remainder", &[]), [0.0, 0.0]);
    assert!(page.sum("alerts_opened_total", &[]) >= found as f64);
    for probe in ["/livez", "/readyz"] {
        assert_eq!(ask(address, "GET", probe).status, 200, "{probe}");
    }
    demo.signal("-INT");
    let (status, rest, log) = demo.end();
    assert_eq!(
        (status.code(), rest.as_str(), log.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn a_signal_ends_it_with_a_summary() {
    let mut demo = Demo::start(&["--seconds", "600", "--metrics", "127.0.0.1:0"]);
    demo.address();
    demo.signal("-TERM");
    let (status, rest, log) = demo.end();
    assert_eq!((status.code(), log.as_str()), (Some(0), ""));
    assert_eq!(caught(&rest), (0, 0), "nothing was planted yet");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let mut demo = Demo::start(&["--seconds", "8", "--metrics", "127.0.0.1:0"]);
    demo.address();
    let Demo { mut child, out } = demo;
    drop(out);
    // The next alert finds nobody to tell it to.
    let status = child.wait().unwrap();
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert_eq!((status.code(), log.as_str()), (Some(0), ""));
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (status, out, log) = Demo::start(&["--metrics", &taken]).end();
    assert_eq!((status.code(), out.as_str()), (Some(2), ""));
    assert!(
        log.contains(&taken) && log.contains("choose another"),
        "{log}"
    );
    let (status, _, log) = Demo::start(&["--metrics", "nowhere"]).end();
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("metrics.listen"), "{log}");
}
