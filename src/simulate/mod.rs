//! Seeded, labelled worlds: suppliers whose staff and jobs read personnel records day by day, with
//! thefts planted among them.
//!
//! A world is a function of its [`Plan`] alone: the same plan gives the same bytes. Nothing here
//! knows how detection works; sizes, paces and accounts of attacks are drawn from the plan's seed.

mod attack;
mod calendar;
mod client;
mod delivery;
mod distribution;
mod job;
mod kafka;
mod kind;
mod labels;
mod ledger;
mod person;
mod plan;
mod role;
mod sitting;
mod stream;
mod supplier;
mod wire;
mod world;

pub use attack::Family;
pub use distribution::DailyShares;
pub use kafka::{Error as KafkaError, Producer};
pub use kind::Kind;
pub use labels::{AttackLabel, BenignSpan, LEARNING_DAYS, Labels, SCHEMA, Step};
pub use plan::{Error, Plan};
pub use stream::{Line, Stream};
