//! What draining a backlog took.

use std::fs;

/// One drain of a backlog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) events: u64,
    pub(crate) secs: f64,
    pub(crate) cpu_secs: f64,
    /// The most memory that was resident; 0 where it is not the consumer's own.
    pub(crate) peak_mib: f64,
}

impl Run {
    #[expect(clippy::cast_precision_loss, reason = "a few million events")]
    pub(crate) fn events_per_sec(&self) -> f64 {
        self.events as f64 / self.secs
    }

    #[expect(clippy::cast_precision_loss, reason = "a few million events")]
    pub(crate) fn cpu_nanos(&self) -> f64 {
        self.cpu_secs * 1e9 / self.events as f64
    }
}

/// Linux tells times in hundredths of a second, whatever its clock.
const TICKS_PER_SEC: f64 = 100.0;

/// CPU that this process has spent, all threads.
pub(crate) fn own_secs() -> f64 {
    ticks([13, 14]) / TICKS_PER_SEC
}

/// CPU that the children have spent that were waited for.
pub(crate) fn children_secs() -> f64 {
    ticks([15, 16]) / TICKS_PER_SEC
}

/// The sum of fields of `/proc/self/stat`, counted from 0: user and system.
fn ticks(fields: [usize; 2]) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The program's name is the second field and may hold anything; it ends at the last bracket.
    let (_, stat) = stat.rsplit_once(')').unwrap();
    let stat: Vec<&str> = stat.split_whitespace().collect();
    let ticks = fields.map(|field| stat[field - 2].parse::<f64>().unwrap());
    ticks.iter().sum()
}

/// The most memory that the process `id` had resident.
pub(crate) fn peak_mib(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<f64>().unwrap() / 1_024.0
}
