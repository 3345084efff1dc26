//! The rosterwatch program.

fn main() {}
