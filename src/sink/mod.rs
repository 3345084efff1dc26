//! Where alerts go, and the form they take there.

pub mod json;
