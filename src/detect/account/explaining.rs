//! What is known of a finding: which test tells most, and what the others say.

use super::{Account, in_force};
use crate::detect::{
    Explanation, Finding, Maturity,
    baseline::stat,
    coverage::{self, Coverage},
    critical::Table,
    drip::SLOW,
    habits::Aspects,
    ledger::Scratch,
    pane::{PANES_PER_DAY, pane_start},
    refused::score_asked,
    version::{COUNTED, Version, odd_test, signal_and_window},
    window::{Counts, Signal, Window},
};

/// The test of a finding that tells most.
struct Strongest {
    window: Window,
    signal: Signal,
    observed: Counts,
    score: f64,
    critical: u64,
    unusual: Option<(Aspects, u64)>,
    refused: Option<u64>,
}

impl Account {
    /// What is known of the strongest of a finding's tests: the one with the smallest probability.
    ///
    /// # Panics
    /// Panics where the finding crossed nothing: no such finding is made.
    pub fn explain(
        &self,
        peers: &[Version],
        finding: Finding,
        scratch: &mut Scratch,
        (budget, population): (f64, Option<u64>),
        table: &mut Table,
    ) -> Explanation {
        let end = finding.pane;
        let version = self.version_at(peers, end);
        let mut best: Option<Strongest> = None;
        for window in Window::ALL {
            let observed = self.ledger.counts_at(window, end, scratch);
            let crossed = |test: usize| finding.crossed & (1 << test) != 0;
            let counted = Signal::TESTED.into_iter().map(|signal| {
                let test = stat(signal, window);
                crossed(test).then(|| Strongest {
                    window,
                    signal,
                    observed,
                    score: version.score(test, end, observed[signal as usize]),
                    critical: u64::from(version.critical(end)[test]),
                    unusual: None,
                    refused: None,
                })
            });
            let odd = self.odd.as_ref().filter(|_| crossed(odd_test(window)));
            let odd = odd.and_then(|odd| odd.worth(window, end, &version, table));
            let odd = odd.map(|worth| Strongest {
                window,
                signal: Signal::People,
                observed,
                score: worth.score,
                critical: worth.critical,
                unusual: Some((worth.aspects, worth.people)),
                refused: None,
            });
            for found in counted.chain([odd]).flatten() {
                if best.as_ref().is_none_or(|best| best.score < found.score) {
                    best = Some(found);
                }
            }
        }
        let month = self.read_in(coverage::DAYS, end);
        let coverage = finding.is_of_coverage().then(|| Coverage {
            people: month.map_or(0, u64::from),
            critical: self.stop_at(&version, end).0.into(),
            population: population.unwrap_or(0),
            usual: version.stops.usual.into(),
        });
        let best = best.or_else(|| coverage.map(|_| self.of_coverage(finding, scratch)));
        // What was read tells more than what was not.
        let best =
            best.or_else(|| self.strongest_refused(finding, (budget, version.days), scratch));
        let best = best.unwrap_or_else(|| unreachable!("a finding has crossed a test"));
        let mut explanation = self.explain_test(&version, end, &best);
        explanation.peers_usual = 1.0
            + in_force(peers, end).unwrap_or(&peers[0]).models[stat(best.signal, best.window)].mean;
        let tests = (0..COUNTED).filter(|test| finding.crossed & (1 << test) != 0);
        explanation.also = tests.map(signal_and_window).collect();
        explanation.coverage = coverage;
        let week = self.read_in(coverage::WEEK_DAYS, end);
        explanation.lately = week.zip(month).map(<[u32; 2]>::from);
        explanation
    }

    /// The day so far of an account that its month's people alone are too many of.
    fn of_coverage(&self, finding: Finding, scratch: &mut Scratch) -> Strongest {
        Strongest {
            window: Window::Today,
            signal: Signal::People,
            observed: self.ledger.counts_at(Window::Today, finding.pane, scratch),
            // A rule is no matter of probability.
            score: f64::INFINITY,
            critical: 1,
            unusual: None,
            refused: None,
        }
    }

    fn strongest_refused(
        &self,
        finding: Finding,
        (budget, days): (f64, u32),
        scratch: &mut Scratch,
    ) -> Option<Strongest> {
        let refused = self.refused.as_ref()?;
        let hour = refused.hour(finding.pane, score_asked(budget), days);
        Some(Strongest {
            window: Window::Hour,
            signal: Signal::People,
            observed: self.ledger.counts_at(Window::Hour, finding.pane, scratch),
            score: hour.score,
            critical: hour.critical,
            unusual: None,
            refused: Some(hour.attempts),
        })
    }

    fn explain_test(&self, version: &Version, end: u32, found: &Strongest) -> Explanation {
        let Strongest { window, signal, .. } = *found;
        let (mut actions, mut unnamed) = (0, 0);
        for pane in self.ledger.panes(window.first(end), end) {
            actions += u64::from(pane.actions);
            unnamed += pane.share.unnamed;
        }
        let usual = |signal| 1.0 + version.model(stat(signal, window), end).mean;
        let bar = SLOW.iter().position(|slow| *slow == signal);
        let bar = bar
            .filter(|_| window == Window::Today)
            .map(|place| version.bars[place]);
        let mut expected = Signal::ALL.map(usual);
        if let Some(model) = bar.and_then(|bar| bar.model()) {
            expected[signal as usize] = model.mean;
        }
        let lasting =
            bar.and_then(|bar| Some((pane_start(bar.onset()? * PANES_PER_DAY), bar.excess())));
        Explanation {
            window,
            signal,
            observed: found.observed,
            actions,
            unnamed,
            expected,
            critical: found.critical,
            score: found.score,
            seen_max: version.seen_max[stat(signal, window)],
            days: version.days,
            maturity: Maturity::of(version.days),
            peers: version.peers,
            peers_usual: 0.0,
            also: Vec::new(),
            job_size: version.job_size(),
            is_of_hour: (version.pace(window, end) - 1.0).abs() > f64::EPSILON,
            is_forbidden: version.forbids(stat(signal, window)) && found.unusual.is_none(),
            lasting,
            unusual: found.unusual,
            refused: found.refused,
            coverage: None,
            lately: None,
            consecutive: 0,
        }
    }
}
