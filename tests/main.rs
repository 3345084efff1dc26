#![cfg(test)]
//! Behaviour through public seams.

mod replay;
/// The source's own boundaries.
mod tidy;
mod worlds;
