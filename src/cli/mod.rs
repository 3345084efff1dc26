//! The commands, one file each.

pub mod score;
pub mod simulate;
