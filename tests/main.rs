#![cfg(test)]
//! Behaviour through public seams.

mod config;
mod replay;
/// The source's own boundaries.
mod tidy;
mod worlds;
