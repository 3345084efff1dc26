#![cfg(test)]
//! Behaviour through public seams.

mod worlds;
