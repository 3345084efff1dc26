//! The values of a record, checked against the contract and kept as spans.

use siphasher::sip::SipHasher13;

use super::{
    batch::Refusal,
    fields::{Field, Shape},
    reject::Reject,
    time,
    values::{List, Strings, Value, Values},
};
use crate::event::{
    AccessEvent, AccountKind, Action, Glance, Names, Outcome, Span, Text, Timestamp,
};

/// The dataset of an event that names none.
const DATASET: &str = "personnel";

/// The keys of the hashes of ids and contents: the first 16 bytes of the names of the two, so that
/// they differ. They are fixed, since a restart must know an event again.
const ID_KEY: &[u8; 16] = b"rosterwatch id  ";
const CONTENT_KEY: &[u8; 16] = b"rosterwatch body";

/// An event as spans of its batch's texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    time: Timestamp,
    id: Span,
    supplier: Span,
    account: Span,
    role: Option<Span>,
    dataset: Option<Span>,
    operation: Option<Span>,
    source_ip: Option<Span>,
    user_agent: Option<Span>,
    session: Option<Span>,
    subject: Option<Span>,
    subjects: List,
    fields: List,
    records: Option<u64>,
    bytes: Option<u64>,
    seq: Option<u64>,
    account_kind: AccountKind,
    action: Action,
    outcome: Outcome,
    id_hash: u64,
    content_hash: u64,
}

/// The texts and names of a batch.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub text: Text<'a>,
    pub names: &'a [Span],
}

impl<'a> Source<'a> {
    pub(super) fn new(raw: &'a str, strings: &'a Strings) -> Self {
        Self {
            text: Text {
                raw,
                unescaped: &strings.unescaped,
            },
            names: &strings.names,
        }
    }

    fn names(self, list: List) -> &'a [Span] {
        &self.names[list.first as usize..(list.first + list.len) as usize]
    }
}

impl Entry {
    /// Checks the values of a record; with `supplier`, an event of another one is refused. Needs
    /// a buffer to write to.
    pub(super) fn new(
        values: &Values,
        source: Source<'_>,
        supplier: Option<&str>,
        written: &mut Vec<u8>,
    ) -> Result<Self, Refusal> {
        if !is_sound(values, source) {
            check_present(values, source)?;
            check_shapes(values, source)?;
            check_limits(values, source)?;
        }
        let time = time_of(values, source).ok_or(refuse(Reject::BadTime, Field::Time))?;
        check_supplier(values, source, supplier)?;
        let subject = text(values, Field::Subject);
        if subject.is_some() && matches!(values[Field::Subjects as usize], Value::List(_)) {
            return Err(refuse(Reject::SubjectAndSubjects, Field::Subject));
        }
        let word = |field| text(values, field).map_or("", |span| source.text.slice(span));
        let required = |field| text(values, field).unwrap_or_default();
        let mut entry = Self {
            time,
            id: required(Field::Id),
            supplier: required(Field::Supplier),
            account: required(Field::Account),
            role: text(values, Field::Role),
            dataset: text(values, Field::Dataset),
            operation: text(values, Field::Operation),
            source_ip: text(values, Field::SourceIp),
            user_agent: text(values, Field::UserAgent),
            session: text(values, Field::Session),
            subject,
            subjects: list(values, Field::Subjects),
            fields: list(values, Field::Fields),
            records: integer(values, source, Field::Records),
            bytes: integer(values, source, Field::Bytes),
            seq: integer(values, source, Field::Seq),
            account_kind: AccountKind::from_wire(word(Field::AccountKind)),
            action: Action::from_wire(word(Field::Action)),
            outcome: Outcome::from_wire(word(Field::Outcome)),
            id_hash: 0,
            content_hash: 0,
        };
        let event = entry.event(source);
        let (id_hash, content_hash) = (hash_id(event.id), hash_content(&event, written));
        (entry.id_hash, entry.content_hash) = (id_hash, content_hash);
        Ok(entry)
    }

    /// When it happened.
    pub(super) const fn time(&self) -> Timestamp {
        self.time
    }

    /// What deciding it will look up.
    pub(super) fn glance<'a>(&self, source: Source<'a>) -> Glance<'a> {
        let subject = self
            .subject
            .or_else(|| source.names(self.subjects).first().copied());
        Glance {
            supplier: source.text.slice(self.supplier),
            account: source.text.slice(self.account),
            subject: subject.map(|subject| source.text.slice(subject)),
            id_hash: self.id_hash,
        }
    }

    /// The event, as a view of the texts.
    pub(super) fn event<'a>(&self, source: Source<'a>) -> AccessEvent<'a> {
        let slice = |span: Span| source.text.slice(span);
        let names = |list: List| Names::Spans {
            spans: source.names(list),
            text: source.text,
        };
        AccessEvent {
            id: slice(self.id),
            time: self.time,
            supplier: slice(self.supplier),
            account: slice(self.account),
            account_kind: self.account_kind,
            role: self.role.map(slice),
            action: self.action,
            dataset: self.dataset.map_or(DATASET, slice),
            subjects: match self.subject {
                Some(subject) => Names::One(slice(subject)),
                None => names(self.subjects),
            },
            records: self.records,
            bytes: self.bytes,
            fields: names(self.fields),
            operation: self.operation.map(slice),
            outcome: self.outcome,
            source_ip: self.source_ip.map(slice),
            user_agent: self.user_agent.map(slice),
            session: self.session.map(slice),
            seq: self.seq,
            id_hash: self.id_hash,
            content_hash: self.content_hash,
        }
    }
}

const fn refuse(reject: Reject, field: Field) -> Refusal {
    Refusal {
        reject,
        field: Some(field.name()),
    }
}

/// Whether a record passes the three checks below: one look at each field instead of three, for
/// almost all records do.
fn is_sound(values: &Values, source: Source<'_>) -> bool {
    let is_name = |span: &Span, max: u32| !span.is_empty() && span.len() <= max;
    let sound = |field: Field| match (values[field as usize], field.shape()) {
        (Value::Absent, _) => !field.is_required(),
        (Value::Text(span), Shape::Text(max)) => {
            span.len() <= max && !(field.is_required() && span.is_empty())
        }
        (Value::Text(span), Shape::Time) => !span.is_empty(),
        (Value::Integer(_), Shape::Time) => true,
        (Value::Integer(span), Shape::Integer) => source.text.slice(span).parse::<u64>().is_ok(),
        (Value::List(list), Shape::List(max, count)) => {
            let names = source.names(list);
            !list.is_mixed && list.len <= count && names.iter().all(|span| is_name(span, max))
        }
        _ => false,
    };
    Field::ALL.iter().copied().all(sound)
}

fn check_present(values: &Values, source: Source<'_>) -> Result<(), Refusal> {
    for field in Field::ALL.into_iter().filter(|field| field.is_required()) {
        let is_missing = match values[field as usize] {
            Value::Absent => true,
            Value::Text(span) => source.text.slice(span).is_empty(),
            Value::Integer(_) | Value::List(_) | Value::Other => false,
        };
        if is_missing {
            return Err(refuse(Reject::MissingField, field));
        }
    }
    Ok(())
}

fn check_shapes(values: &Values, source: Source<'_>) -> Result<(), Refusal> {
    for field in Field::ALL {
        let fits = match (values[field as usize], field.shape()) {
            (Value::Absent, _)
            | (Value::Text(_), Shape::Text(_) | Shape::Time)
            | (Value::Integer(_), Shape::Time) => true,
            (Value::Integer(span), Shape::Integer) => {
                source.text.slice(span).parse::<u64>().is_ok()
            }
            (Value::List(list), Shape::List(..)) => {
                let is_named =
                    |span: &Span| field == Field::Fields || !source.text.slice(*span).is_empty();
                !list.is_mixed && source.names(list).iter().all(is_named)
            }
            _ => false,
        };
        if !fits {
            return Err(refuse(Reject::WrongType, field));
        }
    }
    Ok(())
}

fn check_limits(values: &Values, source: Source<'_>) -> Result<(), Refusal> {
    let len = |span: Span| source.text.slice(span).len();
    for field in Field::ALL {
        let fits = match (values[field as usize], field.shape()) {
            (Value::Text(span), Shape::Text(max)) => len(span) <= max as usize,
            (Value::List(list), Shape::List(max, count)) => {
                let fits = |span: &Span| len(*span) <= max as usize;
                list.len <= count && source.names(list).iter().all(fits)
            }
            _ => true,
        };
        if !fits {
            return Err(refuse(Reject::OverLimit, field));
        }
    }
    Ok(())
}

fn time_of(values: &Values, source: Source<'_>) -> Option<Timestamp> {
    match values[Field::Time as usize] {
        Value::Text(span) => time::from_rfc3339(source.text.slice(span)),
        Value::Integer(span) => time::from_epoch_millis(source.text.slice(span).parse().ok()?),
        Value::Absent | Value::List(_) | Value::Other => None,
    }
}

fn check_supplier(
    values: &Values,
    source: Source<'_>,
    expected: Option<&str>,
) -> Result<(), Refusal> {
    let span = text(values, Field::Supplier).unwrap_or_default();
    let supplier = source.text.slice(span);
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    if !supplier.bytes().all(is_allowed) {
        return Err(refuse(Reject::BadSupplier, Field::Supplier));
    }
    if expected.is_some_and(|expected| expected != supplier) {
        return Err(refuse(Reject::WrongSupplier, Field::Supplier));
    }
    Ok(())
}

/// The string of a field; an empty one is as good as none.
fn text(values: &Values, field: Field) -> Option<Span> {
    match values[field as usize] {
        Value::Text(span) if !span.is_empty() => Some(span),
        _ => None,
    }
}

fn list(values: &Values, field: Field) -> List {
    match values[field as usize] {
        Value::List(list) => list,
        _ => List::default(),
    }
}

fn integer(values: &Values, source: Source<'_>, field: Field) -> Option<u64> {
    match values[field as usize] {
        Value::Integer(span) => source.text.slice(span).parse().ok(),
        _ => None,
    }
}

fn hash_id(id: &str) -> u64 {
    SipHasher13::new_with_key(ID_KEY).hash(id.as_bytes())
}

/// Every string is preceded by its length and every list by its count, so that no two contents run
/// together.
///
/// Written out first and hashed in one piece, which costs a third of hashing it part by part.
fn hash_content(event: &AccessEvent<'_>, written: &mut Vec<u8>) -> u64 {
    written.clear();
    let words = [
        event.account_kind as u8,
        event.action as u8,
        event.outcome as u8,
    ];
    written.extend_from_slice(&words);
    written.extend_from_slice(&event.time.as_millis().to_le_bytes());
    for number in [event.records, event.bytes, event.seq] {
        written.extend_from_slice(&number.unwrap_or(u64::MAX).to_le_bytes());
        written.push(u8::from(number.is_some()));
    }
    for names in [event.subjects, event.fields] {
        written.extend_from_slice(&(names.len() as u64).to_le_bytes());
    }
    let mut write = |string: &str| {
        let len = u32::try_from(string.len()).unwrap_or(u32::MAX);
        written.extend_from_slice(&len.to_le_bytes());
        written.extend_from_slice(string.as_bytes());
    };
    let required = [event.id, event.supplier, event.account, event.dataset];
    let optional = [
        event.role,
        event.operation,
        event.source_ip,
        event.user_agent,
        event.session,
    ];
    required.into_iter().for_each(&mut write);
    for string in optional {
        write(string.unwrap_or_default());
    }
    for names in [event.subjects, event.fields] {
        names.iter().for_each(&mut write);
    }
    SipHasher13::new_with_key(CONTENT_KEY).hash(written)
}
