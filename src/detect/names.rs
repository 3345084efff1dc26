//! What one event exposes: the people and attributes it names, as numbers, and how many records.

use std::ops::Deref;

use crate::{
    detect::{pane::Share, sequence::Neighbours, window::IDLE},
    event::{self, AccessEvent},
    intern::Interner,
};

/// Attributes told apart: one bit each; the highest stands for all others.
const FIELDS_MAX: usize = 31;
const OTHER_BIT: u32 = 1 << FIELDS_MAX;
/// The name of the attributes past [`FIELDS_MAX`].
const OTHER_FIELDS: &str = "other";
/// One event's records are counted up to this, so that no sum overflows: 2^40.
const RECORDS_MAX: u64 = 1 << 40;

/// People's numbers leave the bits free that mark touches: 2^30.
const SUBJECTS_MAX: usize = IDLE as usize;

/// Bytes of a name that are kept in place.
const SHORT_MAX: usize = 22;

/// An account's name: short ones, which are almost all, lie beside what they are looked up for.
#[derive(Clone, Debug)]
pub struct Name(Text);

#[derive(Clone, Debug)]
enum Text {
    Short { len: u8, bytes: [u8; SHORT_MAX] },
    Long(Box<str>),
}

impl Name {
    /// Keeps `name`.
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; SHORT_MAX];
        let text = match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(name.as_bytes());
                Text::Short { len, bytes }
            }
            _ => Text::Long(name.into()),
        };
        Self(text)
    }

    /// Whether it reads so.
    pub fn is(&self, name: &str) -> bool {
        self.bytes() == name.as_bytes()
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short { len, bytes } => &bytes[..usize::from(*len)],
            Text::Long(name) => name.as_bytes(),
        }
    }
}

impl Deref for Name {
    type Target = str;

    #[expect(clippy::expect_used, reason = "only whole names are kept")]
    fn deref(&self) -> &str {
        std::str::from_utf8(self.bytes()).expect("what came in was text")
    }
}

/// The attributes of one supplier, a bit each in order of first sight.
///
/// Lists of attributes are few and come again and again: each name is looked for first where it
/// came last time.
#[derive(Debug, Default)]
struct Fields {
    names: Vec<Box<str>>,
    /// The attribute that was named after each one, and last the one that was named first.
    next: [u8; FIELDS_MAX + 1],
    /// How often one past the limit was named.
    limit_reached: u64,
}

impl Fields {
    /// The bits of an event's attributes; those past the limit share one.
    fn bits(&mut self, fields: event::Names<'_>) -> u32 {
        let mut bits = 0;
        let mut before = FIELDS_MAX;
        for name in fields.iter() {
            let guess = usize::from(self.next[before]);
            let is_guess = self.names.get(guess).is_some_and(|held| **held == *name);
            let Some(id) = is_guess.then_some(guess).or_else(|| self.find_or_add(name)) else {
                bits |= OTHER_BIT;
                self.limit_reached += 1;
                continue;
            };
            bits |= 1 << id;
            self.next[before] = u8::try_from(id).unwrap_or(0);
            before = id;
        }
        bits
    }

    fn find_or_add(&mut self, name: &str) -> Option<usize> {
        let known = self.names.iter().position(|held| **held == *name);
        known.or_else(|| {
            let id = self.names.len();
            (id < FIELDS_MAX).then(|| {
                self.names.push(name.into());
                id
            })
        })
    }
}

/// The people and attributes of one supplier, by number.
#[derive(Debug)]
pub struct Names {
    subjects: Interner,
    /// The number of the first of them.
    first_subject: u32,
    neighbours: Neighbours,
    fields: Fields,
    /// The people that the last event named, each once.
    event_subjects: Vec<u32>,
}

impl Names {
    /// Remembers at most `subjects_max` people.
    pub fn new(subjects_max: usize) -> Self {
        Self {
            subjects: Interner::new(subjects_max.min(SUBJECTS_MAX)),
            first_subject: 0,
            neighbours: Neighbours::default(),
            fields: Fields::default(),
            event_subjects: Vec::new(),
        }
    }

    /// No names yet; people get numbers that `self`, which takes `subjects_max`, has given nobody.
    #[must_use]
    pub fn after(&self, subjects_max: usize) -> Self {
        let held = self.subjects.len();
        Self {
            first_subject: u32::try_from(held).unwrap_or(u32::MAX),
            ..Self::new(subjects_max.saturating_sub(held))
        }
    }

    /// What an event exposes, and whether each person is known by number. Where `is_full`, or past
    /// the limit, people count as records without a name.
    pub fn read(&mut self, event: &AccessEvent<'_>, is_full: bool) -> (Share, bool) {
        let unknown = self.intern_subjects(event, is_full);
        let known = self.event_subjects.len() as u64;
        let named = known + unknown;
        let least = if named == 0 && event.records.is_none() {
            1
        } else {
            named
        };
        let records = event.records.unwrap_or(0).clamp(least, RECORDS_MAX);
        let share = Share {
            records,
            exported: if event.action.is_export() { records } else { 0 },
            unnamed: records - known,
            fields: self.fields.bits(event.fields),
        };
        (share, unknown == 0)
    }

    /// The people, to look them up ahead of their events, and the number of the first of them.
    pub(super) const fn subjects(&self) -> (&Interner, u32) {
        (&self.subjects, self.first_subject)
    }

    /// The id of a person; nothing of one that was numbered elsewhere.
    pub fn subject(&self, number: u32) -> Option<&str> {
        let number = number.checked_sub(self.first_subject)?;
        Some(self.subjects.resolve(number))
    }

    /// The people that the last event named, each once.
    pub fn event_subjects(&self) -> &[u32] {
        &self.event_subjects
    }

    /// Those whose ids make a run with that of a person, as far as each `is_read`; nothing where none does.
    pub fn run_with<T: Copy>(
        &self,
        number: u32,
        is_read: impl Fn(u32) -> Option<T>,
    ) -> Option<Vec<(u32, T)>> {
        let first = self.first_subject;
        let known = number.checked_sub(first).unwrap_or(u32::MAX);
        let is_read = move |known: u32| is_read(first.checked_add(known)?);
        let mut run = self.neighbours.run_with(known, is_read)?;
        for (known, _) in &mut run {
            *known += first;
        }
        Some(run)
    }

    /// Takes it that the last event named nobody.
    pub fn forget_event(&mut self) {
        self.event_subjects.clear();
    }

    /// The names of the attributes in a set of bits, sorted.
    pub fn field_names(&self, fields: u32) -> Vec<String> {
        let known = self.fields.names.iter().enumerate();
        let mut names: Vec<String> = known
            .filter(|(id, _)| fields & (1 << id) != 0)
            .map(|(_, name)| name.to_string())
            .collect();
        if fields & OTHER_BIT != 0 && !names.iter().any(|name| name == OTHER_FIELDS) {
            names.push(OTHER_FIELDS.to_owned());
        }
        names.sort_unstable();
        names
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.subjects.bytes() + self.neighbours.bytes()
    }

    /// How often an attribute was named that is one too many to be told apart.
    pub const fn fields_past_limit(&self) -> u64 {
        self.fields.limit_reached
    }

    /// Gives how many people found no number.
    fn intern_subjects(&mut self, event: &AccessEvent<'_>, is_full: bool) -> u64 {
        self.event_subjects.clear();
        if is_full {
            return event.subjects.len() as u64;
        }
        let mut unknown = 0;
        for name in event.subjects.iter() {
            match self.subjects.intern(name) {
                Some(id) => {
                    if id as usize == self.neighbours.len() {
                        self.neighbours.push(name, |id| self.subjects.find(id));
                    }
                    self.event_subjects.push(self.first_subject + id);
                }
                None => unknown += 1,
            }
        }
        if self.event_subjects.len() > 1 {
            self.event_subjects.sort_unstable();
            self.event_subjects.dedup();
        }
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AccountKind, Action, Names as Given, Outcome, Timestamp};

    fn event<'a>(subjects: &'a [&'a str], records: Option<u64>) -> AccessEvent<'a> {
        AccessEvent {
            id: "1",
            time: Timestamp::from_millis(0),
            supplier: "s",
            account: "a",
            account_kind: AccountKind::Person,
            role: None,
            action: Action::View,
            dataset: "personnel",
            subjects: Given::Strs(subjects),
            records,
            bytes: None,
            fields: Given::EMPTY,
            operation: None,
            outcome: Outcome::Success,
            source_ip: None,
            user_agent: None,
            session: None,
            seq: None,
            id_hash: 1,
            content_hash: 1,
        }
    }

    #[test]
    fn a_name_of_any_length_reads_as_it_was_given() {
        for name in [
            "",
            "a",
            "twenty-two-bytes-long-",
            "more than that, by one",
            "ü".repeat(40).as_str(),
        ] {
            let kept = Name::new(name);
            assert_eq!(&*kept, name);
            assert!(kept.is(name) && !kept.is("b"));
        }
    }

    #[test]
    fn records_are_never_fewer_than_the_people_named() {
        let mut names = Names::new(10);
        let mut counts = |subjects: &[&str], records| {
            let (share, exact) = names.read(&event(subjects, records), false);
            assert!(exact);
            (share.records, share.unnamed)
        };
        assert_eq!(counts(&["x", "y", "x"], None), (2, 0));
        assert_eq!(counts(&["x", "y"], Some(1)), (2, 0));
        assert_eq!(counts(&["x"], Some(500)), (500, 499));
        assert_eq!(counts(&[], None), (1, 1), "unknown is one unnamed person");
        assert_eq!(counts(&[], Some(0)), (0, 0), "and not the same as none");
        assert_eq!(counts(&[], Some(u64::MAX)), (RECORDS_MAX, RECORDS_MAX));
    }

    #[test]
    fn attributes_are_told_apart_in_any_order_and_past_the_limit() {
        let mut names = Names::new(10);
        let all: Vec<String> = (0..40).map(|field| format!("field{field:02}")).collect();
        let mut bits = |picked: &[usize]| {
            let fields: Vec<&str> = picked.iter().map(|field| all[*field].as_str()).collect();
            let event = AccessEvent {
                fields: Given::Strs(&fields),
                ..event(&[], None)
            };
            names.read(&event, false).0.fields
        };
        assert_eq!(bits(&[0, 1, 2]), 0b111);
        assert_eq!(bits(&[0, 2, 1, 1]), 0b111);
        assert_eq!(bits(&[2, 0]), 0b101);
        assert_eq!(bits(&[3]), 0b1000);
        let first: Vec<usize> = (0..31).collect();
        bits(&first);
        assert_eq!(bits(&[35, 30, 36]), OTHER_BIT | 1 << 30);
        let told = names.field_names(OTHER_BIT | 0b101);
        assert_eq!(told, ["field00", "field02", "other"]);
    }

    #[test]
    fn people_past_the_limit_count_without_a_name() {
        let mut names = Names::new(1);
        let (share, exact) = names.read(&event(&["x", "y"], None), false);
        assert_eq!((share.records, share.unnamed, exact), (2, 1, false));
        let (share, exact) = names.read(&event(&["x"], None), true);
        assert_eq!((share.records, share.unnamed, exact), (1, 1, false));
    }
}
