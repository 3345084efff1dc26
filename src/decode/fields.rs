//! The fields of the native event (contract §1): their names, order and limits.

/// A field of the event, in the contract's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Time,
    Supplier,
    Account,
    AccountKind,
    Role,
    Action,
    Dataset,
    Subject,
    Subjects,
    Records,
    Bytes,
    Fields,
    Operation,
    Outcome,
    SourceIp,
    UserAgent,
    Session,
    Seq,
}

/// Records that one event may name.
const SUBJECTS_MAX: u32 = 10_000;

impl Field {
    /// Every field, in order.
    pub(super) const ALL: [Self; 19] = [
        Self::Id,
        Self::Time,
        Self::Supplier,
        Self::Account,
        Self::AccountKind,
        Self::Role,
        Self::Action,
        Self::Dataset,
        Self::Subject,
        Self::Subjects,
        Self::Records,
        Self::Bytes,
        Self::Fields,
        Self::Operation,
        Self::Outcome,
        Self::SourceIp,
        Self::UserAgent,
        Self::Session,
        Self::Seq,
    ];

    /// The key it has in an event.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Time => "time",
            Self::Supplier => "supplier",
            Self::Account => "account",
            Self::AccountKind => "account_kind",
            Self::Role => "role",
            Self::Action => "action",
            Self::Dataset => "dataset",
            Self::Subject => "subject",
            Self::Subjects => "subjects",
            Self::Records => "records",
            Self::Bytes => "bytes",
            Self::Fields => "fields",
            Self::Operation => "operation",
            Self::Outcome => "outcome",
            Self::SourceIp => "source_ip",
            Self::UserAgent => "user_agent",
            Self::Session => "session",
            Self::Seq => "seq",
        }
    }

    /// The field that a key names.
    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        let field = match key {
            b"id" => Self::Id,
            b"time" => Self::Time,
            b"supplier" => Self::Supplier,
            b"account" => Self::Account,
            b"account_kind" => Self::AccountKind,
            b"role" => Self::Role,
            b"action" => Self::Action,
            b"dataset" => Self::Dataset,
            b"subject" => Self::Subject,
            b"subjects" => Self::Subjects,
            b"records" => Self::Records,
            b"bytes" => Self::Bytes,
            b"fields" => Self::Fields,
            b"operation" => Self::Operation,
            b"outcome" => Self::Outcome,
            b"source_ip" => Self::SourceIp,
            b"user_agent" => Self::UserAgent,
            b"session" => Self::Session,
            b"seq" => Self::Seq,
            _ => return None,
        };
        Some(field)
    }

    /// What its value must be.
    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::Id | Self::Supplier | Self::Subject | Self::Operation => Shape::Text(128),
            Self::Account => Shape::Text(256),
            Self::Role | Self::Dataset => Shape::Text(64),
            Self::Time => Shape::Time,
            // The closed words need no bound of their own: an unknown one is a known value. What a
            // client says of itself has none but the record's: whoever reads chooses it, and must not
            // have his reads refused.
            Self::AccountKind
            | Self::Action
            | Self::Outcome
            | Self::SourceIp
            | Self::UserAgent
            | Self::Session => Shape::Text(u32::MAX),
            Self::Records | Self::Bytes | Self::Seq => Shape::Integer,
            Self::Subjects => Shape::List(128, SUBJECTS_MAX),
            Self::Fields => Shape::List(64, u32::MAX),
        }
    }

    /// Whether an event without it is refused.
    pub(super) const fn is_required(self) -> bool {
        matches!(
            self,
            Self::Id | Self::Time | Self::Supplier | Self::Account | Self::Action
        )
    }

    /// Whether its value is an array.
    pub(super) const fn is_list(self) -> bool {
        matches!(self.shape(), Shape::List(..))
    }
}

/// What a field's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A string of at most so many bytes.
    Text(u32),
    /// An unsigned integer.
    Integer,
    /// An RFC 3339 string or an integer.
    Time,
    /// Strings of at most so many bytes, and at most so many of them.
    List(u32, u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_and_stands_in_its_place() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(Field::from_key(field.name().as_bytes()), Some(field));
            assert_eq!(field as usize, place);
        }
        assert_eq!(Field::from_key(b"ID"), None);
    }
}
