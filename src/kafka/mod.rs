//! What every Kafka edge shares: clients and their secrets, our own topics, reading a partition
//! to its end, and classes of errors.
//!
//! Knows nothing of events, alerts or feeds.

mod client;
mod error;
mod reading;
mod topics;

pub use self::{
    client::{Client, End, Ends, Reports, Sasl, Settings, Tls, connect},
    error::{Error, code, is_gone},
    reading::{Partition, read_to_end, watermarks},
    topics::{Catalog, OwnTopic, ensure, list},
};
