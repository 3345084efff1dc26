#![cfg(test)]
//! Behaviour through public seams, in one binary.

/// Helpers that several modules share.
mod support;

/// The configuration as its operator meets it.
mod config;
/// What the operator and the analyst tell the detector.
mod declared;
/// Records against their stored verdicts.
mod decode;
/// `demo` as a newcomer meets it.
mod demo;
/// What is alarmed over weeks, and what is not.
mod detection;
/// The published blind spots, played.
mod headroom;
/// The daemon on a real broker.
mod kafka;
/// Files through the built program.
mod replay;
/// Alerts against labels, through the built program.
mod score;
/// Metrics and probes over HTTP.
mod serve;
/// The source's own boundaries.
mod tidy;
/// Simulated worlds and their score.
mod worlds;
/// Suppliers whose clock does not show UTC.
mod zones;
