//! Where alerts go, and the form they take there.

pub mod alerts;
pub mod json;
pub mod quarantine;
