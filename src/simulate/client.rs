//! Where an access comes from: an address and a program.

use std::net::Ipv4Addr;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::event::AccountKind;

/// An address and a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub ip: Ipv4Addr,
    pub agent: &'static str,
}

/// Programs that people use.
const PEOPLE: [&str; 4] = [
    "Records/8.2 (Windows)",
    "Records/8.1 (Windows)",
    "Firefox/140",
    "Edge/139",
];

/// Programs that jobs are.
const JOBS: [&str; 3] = ["records-sync/3.1", "records-sync/3.0", "payroll-batch/12"];

/// Programs that strangers come with; most take the trouble to look ordinary.
const STRANGERS: [&str; 6] = [
    "Records/8.2 (Windows)",
    "Firefox/140",
    "Firefox/128",
    "Edge/139",
    "python-requests/2.32",
    "curl/8.9",
];

impl Client {
    /// A supplier's own computer, by its account's number.
    pub(super) fn inside(
        supplier: usize,
        index: usize,
        kind: AccountKind,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let agent = match kind {
            AccountKind::Service => JOBS[rng.random_range(0..JOBS.len())],
            _ => PEOPLE[rng.random_range(0..PEOPLE.len())],
        };
        let [third, fourth] = [index / 250 % 256, 1 + index % 250].map(octet);
        Self {
            ip: Ipv4Addr::new(10, octet(supplier), third, fourth),
            agent,
        }
    }

    /// The same program from another address, a person's home.
    pub(super) fn at_home(self, rng: &mut ChaCha8Rng) -> Self {
        let ip = Ipv4Addr::new(
            100,
            rng.random_range(64..128),
            rng.random(),
            rng.random_range(1..255),
        );
        Self { ip, ..self }
    }

    /// Somebody else's computer.
    pub(super) fn stranger(rng: &mut ChaCha8Rng) -> Self {
        let net = [198, 203][rng.random_range(0..2_usize)];
        Self {
            ip: Ipv4Addr::new(net, rng.random(), rng.random(), rng.random_range(1..255)),
            agent: STRANGERS[rng.random_range(0..STRANGERS.len())],
        }
    }
}

fn octet(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
