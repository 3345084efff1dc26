//! Why a record was refused: a closed list, each reason with the word users and metrics see.

/// Why a record was refused. Never holds anything of the record itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// Over 256 KiB.
    TooLarge,
    /// Not UTF-8.
    NotUtf8,
    /// Not one JSON document; also trailing bytes and a record without a value.
    NotJson,
    /// JSON, but not an object.
    NotObject,
    /// Deeper than 16 levels, or more than 64 keys in an object.
    TooComplex,
    /// A key stands twice in one object, at any depth.
    DuplicateKey,
    /// A NUL character in a string.
    Nul,
    /// A required field is absent, null or an empty string.
    MissingField,
    /// A field has another type than the contract says.
    WrongType,
    /// A string or an array is longer than the contract allows.
    OverLimit,
    /// Not an RFC 3339 time or epoch milliseconds, or outside 2000 to 2100.
    BadTime,
    /// The supplier's name has characters that are not allowed.
    BadSupplier,
    /// The supplier is not the one the topic belongs to.
    WrongSupplier,
    /// Both `subject` and `subjects`.
    SubjectAndSubjects,
}

impl Reject {
    /// Every reason, in the contract's order.
    pub const ALL: [Self; 14] = [
        Self::TooLarge,
        Self::NotUtf8,
        Self::NotJson,
        Self::NotObject,
        Self::TooComplex,
        Self::DuplicateKey,
        Self::Nul,
        Self::MissingField,
        Self::WrongType,
        Self::OverLimit,
        Self::BadTime,
        Self::BadSupplier,
        Self::WrongSupplier,
        Self::SubjectAndSubjects,
    ];

    /// The word in metrics, quarantine records and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::NotObject => "not_object",
            Self::TooComplex => "too_complex",
            Self::DuplicateKey => "duplicate_key",
            Self::Nul => "nul",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::OverLimit => "over_limit",
            Self::BadTime => "bad_time",
            Self::BadSupplier => "bad_supplier",
            Self::WrongSupplier => "wrong_supplier",
            Self::SubjectAndSubjects => "subject_and_subjects",
        }
    }
}
