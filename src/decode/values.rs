//! What a scan hands on: where the values of the contract's fields lie.

use super::fields::Field;
use crate::event::Span;

/// What the record gave for one field of the contract.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Value {
    /// Nothing, or `null`.
    #[default]
    Absent,
    /// A string.
    Text(Span),
    /// A number without fraction and exponent, as written.
    Integer(Span),
    /// An array, where the field takes one.
    List(List),
    /// Something that no field takes there.
    Other,
}

/// An array's strings, among the names of the batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    /// The first one's index.
    pub first: u32,
    /// How many strings there are.
    pub len: u32,
    /// Whether the array holds something else as well.
    pub is_mixed: bool,
}

/// A record's values, by field.
pub(super) type Values = [Value; Field::ALL.len()];

/// Where strings of the batch are gathered.
#[derive(Debug, Default)]
pub(super) struct Strings {
    /// The strings that held escapes, resolved.
    pub unescaped: String,
    /// The elements of all lists.
    pub names: Vec<Span>,
}
