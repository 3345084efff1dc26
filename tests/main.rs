#![cfg(test)]
//! Behaviour through public seams.

mod replay;
mod worlds;
