//! From a record's bytes to an [`AccessEvent`](crate::event::AccessEvent), or to the reason why not.
//!
//! Pure: knows the wire formats and their limits, and nothing of where records come from.

mod batch;
mod entry;
mod fields;
mod reject;
mod scan;
mod text;
mod time;
mod values;

pub use self::{
    batch::{DecodedBatch, Refusal, Verdict},
    reject::Reject,
};
