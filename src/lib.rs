//! rosterwatch reads suppliers' access logs and says, within seconds of the first abnormal
//! handful, which account is taking personnel records in bulk, since when, and whose.
//!
//! The modules, in the order data flows: see `ARCHITECTURE.md`.

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod decode;
pub mod detect;
pub mod event;
pub mod feed;
pub mod incident;
pub mod ingest;
pub mod intern;
pub mod kafka;
pub mod metrics;
pub mod score;
pub mod serve;
pub mod simulate;
pub mod sink;
pub mod state;
pub mod telemetry;
