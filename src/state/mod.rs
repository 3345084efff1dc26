//! What survives a restart: who owns a feed, and where each feed began.

pub mod lease;
pub mod topic;
