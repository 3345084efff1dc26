//! What several test modules share.

pub(crate) mod alerts;
pub(crate) mod broker;
pub(crate) mod exposition;
pub(crate) mod http;
pub(crate) mod memory;
