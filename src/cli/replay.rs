//! `rosterwatch replay`: the engine of the daemon over files, without Kafka.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write},
    num::NonZeroUsize,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};

use self::{
    engine::{Failure, Listener, Replayed, Settings, Totals},
    report::Refused,
};
use crate::{
    cli::{FINDINGS, INTERNAL, USAGE, configure, fail},
    clock::Stopwatch,
    config::Config,
    decode::Refusal,
    feed::decoder,
    incident::Alert,
    ingest::file::{self, Lines, STDIN},
    sink::json::{self, Places},
};

pub mod engine;
mod report;

/// Refused lines that are named one by one, unless told otherwise.
const SHOW: u64 = 20;
const SHOW_CHECKING: u64 = 1_000;

/// Records that go from thread to thread at a time, unless told otherwise: some 300 KiB of usual
/// events, which stay in a core's cache.
const BATCH_RECORDS: u32 = 1_000;
const BATCH_RECORDS_MAX: i64 = 1_000_000;

/// More threads than any machine has cores are a slip of the finger.
const THREADS_MAX: i64 = 1_024;

/// Suppliers that get a pipeline, unless told otherwise. More in one set of files are a mistake.
const SUPPLIERS_MAX: u32 = 1_000;

/// Decide the events of files as the daemon would, without Kafka.
///
/// Files are read like partitions: each in its own order, merged by event time. The end of the
/// input closes no incident. Alerts go to standard output, one JSON object a line; a summary goes
/// to standard error.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Where alerts go; `-` is standard output.
    #[arg(long, value_name = "OUT", default_value = STDIN)]
    alerts: PathBuf,
    /// Only say which lines break the event contract, and why; exit 1 where any does.
    #[arg(long, conflicts_with_all = ["alerts", "fail_on_alert"])]
    check: bool,
    /// Verdicts on incidents, JSON lines, in the place of those that the configuration names.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    verdicts: Option<PathBuf>,
    /// Exit 1 where any alert was raised that is not suppressed.
    #[arg(long)]
    fail_on_alert: bool,
    /// Name at most this many refused lines one by one [default: 20, with --check 1000].
    #[arg(long, value_name = "N")]
    show: Option<u64>,
}

/// What is replayed, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Input {
    /// Logs, one JSON event a line; `.gz` and `.zst` are decompressed, `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The configuration of detection, as for `run`; only what concerns feeds is used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Threads that read and decode, beside those that decide, one a supplier [default: one for each
    /// core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    threads: Option<u16>,
    /// Records handed from thread to thread at a time; changes speed and memory alone.
    #[arg(
        long,
        value_name = "N",
        default_value_t = BATCH_RECORDS,
        value_parser = clap::value_parser!(u32).range(1..=BATCH_RECORDS_MAX)
    )]
    batch: u32,
    /// Decide the events of at most this many suppliers, and refuse those of others.
    #[arg(
        long,
        value_name = "N",
        default_value_t = SUPPLIERS_MAX,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    suppliers_max: u32,
}

const EXAMPLES: &str = "\
Examples:
  rosterwatch replay access.ndjson.gz > alerts.ndjson
  rosterwatch replay part-0.ndjson part-1.ndjson.zst --alerts alerts.ndjson
  zcat old/*.gz | rosterwatch replay -
  rosterwatch replay --check sample.ndjson
  rosterwatch replay --fail-on-alert last-week.ndjson";

/// Replays or checks the files.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let watch = Stopwatch::start();
    let bytes_read = Arc::new(AtomicU64::new(0));
    let files = match args.open(&bytes_read) {
        Ok(files) => files,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    let config = match configure(args.input.config.as_deref()) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let settings = match args.judge(config) {
        Ok(config) => args.input.settings(config),
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    // Made last: until everything else is there, what an earlier run has written stays.
    let out = match args.out() {
        Ok(out) => out,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    let mut telling = Telling::new(&args.input, out, args.check, bytes_read);
    if let Some(show) = args.show {
        telling.show = show;
    }
    let result = if args.check {
        engine::check(files, settings.decoder, &mut telling)
    } else {
        engine::replay(files, &settings, &mut telling).map(|replayed| replayed.totals)
    };
    // What was found before something failed is as true as ever.
    let told = telling.finish();
    let totals = match (result, told) {
        (Ok(totals), Ok(())) => totals,
        (Err(Failure::Stopped(stop)), _) | (Ok(_), Err(stop)) => {
            return Ok(stop.tell(args, &telling));
        }
        (Err(Failure::Threads(error)), _) => {
            return Err(error).context(NO_THREADS);
        }
    };
    let is_finding = if args.check {
        totals.refused_in_all() > 0
    } else {
        args.fail_on_alert && totals.alerts > totals.suppressed
    };
    // Where standard error is gone or full, what was found stands on standard output all the same.
    drop(telling.summarize(&totals, &watch));
    Ok(ExitCode::from(if is_finding { FINDINGS } else { 0 }))
}

/// What to do where the system has no thread left to give.
const NO_THREADS: &str = "starting threads; try --threads 1";

/// Decides the files for another command, which wants what is there at their end and no alerts.
/// Refused lines and the summary are told as ever; gives the exit code back where there is no end.
pub(super) fn to_the_end(input: &Input) -> anyhow::Result<Result<Replayed, ExitCode>> {
    let watch = Stopwatch::start();
    let bytes_read = Arc::new(AtomicU64::new(0));
    let files = match input.open(&bytes_read) {
        Ok(files) => files,
        Err(error) => return Ok(Err(fail(USAGE, &error))),
    };
    let settings = match configure(input.config.as_deref()) {
        Ok(config) => input.settings(config),
        Err(code) => return Ok(Err(code)),
    };
    let mut telling = Telling::new(input, Box::new(io::sink()), false, bytes_read);
    let result = engine::replay(files, &settings, &mut telling);
    telling.progress.finish_and_clear();
    match result {
        Ok(replayed) => {
            drop(telling.summarize(&replayed.totals, &watch));
            Ok(Ok(replayed))
        }
        Err(Failure::Stopped(stop)) => Ok(Err(fail(USAGE, &stop.into()))),
        Err(Failure::Threads(error)) => Err(error).context(NO_THREADS),
    }
}

impl Args {
    /// Opens every file before anything is written, and none that is to be written.
    fn open(&self, bytes_read: &Arc<AtomicU64>) -> anyhow::Result<Vec<Lines>> {
        let read = self.input.files.iter().map(PathBuf::as_path);
        let read = read.chain(self.verdicts.as_deref());
        let mut read = read.chain(self.input.config.as_deref());
        if let Some(alerts) = identity(&self.alerts)
            && !is_stdin(&self.alerts)
            && read.any(|path| identity(path) == Some(alerts))
        {
            let path = self.alerts.display();
            return Err(anyhow!("{path}: is read as input; choose another --alerts"));
        }
        self.input.open(bytes_read)
    }

    /// Takes the verdicts in that the command line names.
    fn judge(&self, config: Config) -> anyhow::Result<Config> {
        let Some(path) = &self.verdicts else {
            return Ok(config);
        };
        let name = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("{name}: cannot be read; name a readable file"))?;
        config.with_verdicts(&text).map_err(|bad| {
            let lines = bad.iter();
            let lines = lines.map(|bad| format!("{name}:{}: {}", bad.line, bad.reason));
            anyhow!(lines.collect::<Vec<_>>().join("\n"))
        })
    }

    fn out(&self) -> anyhow::Result<Box<dyn Write>> {
        if is_stdin(&self.alerts) {
            return Ok(Box::new(io::stdout()));
        }
        let path = self.alerts.display();
        let file = File::create(&self.alerts);
        let file =
            file.with_context(|| format!("{path}: cannot be written; choose another --alerts"))?;
        Ok(Box::new(file))
    }
}

impl Input {
    /// Threads that may work at a time.
    pub(super) fn threads(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(cores, usize::from)
    }

    fn settings(&self, config: Config) -> Settings {
        Settings {
            decoder: decoder::Settings {
                threads: self.threads(),
                batch_records: self.batch as usize,
            },
            suppliers_max: self.suppliers_max as usize,
            config,
        }
    }

    fn open(&self, bytes_read: &Arc<AtomicU64>) -> anyhow::Result<Vec<Lines>> {
        let stdins = self.files.iter().filter(|path| is_stdin(path)).count();
        if stdins > 1 {
            return Err(anyhow!("-: standard input can be read once; name it once"));
        }
        let files = self.files.iter();
        let opened: Result<_, file::Error> =
            files.map(|path| Lines::open(path, bytes_read)).collect();
        Ok(opened?)
    }
}

/// Which regular file a path leads to, whatever it is called: its device and its number there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let path = if is_stdin(path) {
        Path::new("/dev/stdin")
    } else {
        path
    };
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((file.dev(), file.ino()))
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Writes what a replay finds: alerts and findings, refused lines, progress.
struct Telling {
    out: BufWriter<Box<dyn Write>>,
    places: Places,
    names: Vec<String>,
    /// Whether refused lines are what was asked for.
    is_checking: bool,
    show: u64,
    refused: u64,
    is_alerted: bool,
    progress: ProgressBar,
    bytes_read: Arc<AtomicU64>,
}

/// Why there is nothing more to tell.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// A file cannot be read to its end.
    #[error(transparent)]
    Input(#[from] file::Error),
    /// What is found cannot be written.
    #[error("writing")]
    Output(#[source] io::Error),
}

impl Stop {
    /// Says what happened, unless the reader of standard output has simply seen enough.
    fn tell(self, args: &Args, telling: &Telling) -> ExitCode {
        match self {
            Self::Input(error) => fail(USAGE, &error.into()),
            Self::Output(error)
                if error.kind() == io::ErrorKind::BrokenPipe && is_stdin(&args.alerts) =>
            {
                let is_finding =
                    args.check && telling.refused > 0 || args.fail_on_alert && telling.is_alerted;
                ExitCode::from(if is_finding { FINDINGS } else { 0 })
            }
            Self::Output(error) => {
                let path = match args.alerts.as_path() {
                    path if is_stdin(path) => "standard output".to_owned(),
                    path => path.display().to_string(),
                };
                let what = format!("{path}: cannot be written; what was written is incomplete");
                fail(INTERNAL, &anyhow::Error::new(error).context(what))
            }
        }
    }
}

impl Telling {
    fn new(
        input: &Input,
        out: Box<dyn Write>,
        is_checking: bool,
        bytes_read: Arc<AtomicU64>,
    ) -> Self {
        let names: Vec<_> = input
            .files
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        Self {
            out: BufWriter::new(out),
            places: Places::Files(names.clone()),
            names,
            is_checking,
            show: if is_checking { SHOW_CHECKING } else { SHOW },
            refused: 0,
            is_alerted: false,
            progress: progress(&input.files),
            bytes_read,
        }
    }

    fn finish(&mut self) -> Result<(), Stop> {
        self.progress.finish_and_clear();
        self.out.flush().map_err(Stop::Output)
    }

    fn summarize(&self, totals: &Totals, watch: &Stopwatch) -> io::Result<()> {
        let mut stderr = BufWriter::new(io::stderr().lock());
        let hidden = self.refused.saturating_sub(self.show);
        if hidden > 0 {
            writeln!(
                stderr,
                "{hidden} more refused lines are not named; --show N names more"
            )?;
        }
        let files = self.names.len();
        if self.is_checking {
            report::check_summary(&mut stderr, totals, files, watch.elapsed())?;
        } else {
            report::summary(&mut stderr, totals, files, watch.elapsed())?;
        }
        stderr.flush()
    }
}

impl Listener for Telling {
    type Error = Stop;

    fn alert(&mut self, alert: &Alert) -> Result<(), Stop> {
        self.is_alerted |= alert.suppressed.is_none();
        let line = json::to_json(alert, &self.places);
        let written = writeln!(self.out, "{line}");
        // Few and awaited: whoever reads them from a pipe sees each as it is raised.
        written
            .and_then(|()| self.out.flush())
            .map_err(Stop::Output)
    }

    fn refused(&mut self, file: usize, line: u64, refusal: Refusal) -> Result<(), Stop> {
        self.refused += 1;
        if self.refused > self.show {
            return Ok(());
        }
        let refused = Refused {
            file: &self.names[file],
            line,
            refusal,
        };
        if self.is_checking {
            return writeln!(self.out, "{refused}").map_err(Stop::Output);
        }
        // Standard error that is gone is no reason to stop deciding.
        drop(
            self.progress
                .suspend(|| writeln!(io::stderr(), "{refused}")),
        );
        Ok(())
    }

    fn advanced(&mut self) {
        self.progress
            .set_position(self.bytes_read.load(Ordering::Relaxed));
    }
}

/// A bar over the bytes of `files` on a terminal; invisible elsewhere, or where standard input is
/// among them and nobody knows how much will come.
fn progress(files: &[PathBuf]) -> ProgressBar {
    if !io::stderr().is_terminal() || files.iter().any(|path| is_stdin(path)) {
        return ProgressBar::hidden();
    }
    let sizes = files.iter().filter_map(|path| path.metadata().ok());
    let bar = ProgressBar::new(sizes.map(|file| file.len()).sum());
    match ProgressStyle::with_template("{bar:40} {percent:>3} % {bytes_per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
