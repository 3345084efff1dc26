//! Seeded, labelled worlds: suppliers whose staff and jobs read personnel records day by day, with
//! thefts planted among them.
//!
//! A world is a function of its [`Plan`] alone: the same plan gives the same bytes. Nothing here
//! knows how detection works; sizes, paces and accounts of attacks are drawn from the plan's seed.

mod account;
mod attack;
mod calendar;
mod jobs;
mod kafka;
mod labels;
mod plan;
mod role;
mod stream;
mod wire;
mod world;

pub use kafka::{Error as KafkaError, Producer};
pub use labels::{AttackLabel, BenignSpan, Labels, SCHEMA, Step};
pub use plan::{Error, Plan};
pub use stream::{Line, Stream};
