//! What several test modules share.

pub(crate) mod broker;
pub(crate) mod exposition;
pub(crate) mod http;
