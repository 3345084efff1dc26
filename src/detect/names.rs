//! What one event exposes: the people and attributes it names, as numbers, and how many records.

use crate::{detect::pane::Share, event::AccessEvent, intern::Interner};

/// Attributes told apart: one bit each; the highest stands for all others.
const FIELDS_MAX: usize = 31;
const OTHER_BIT: u32 = 1 << FIELDS_MAX;
/// The name of the attributes past [`FIELDS_MAX`].
const OTHER_FIELDS: &str = "other";
/// One event's records are counted up to this, so that no sum overflows: 2^40.
const RECORDS_MAX: u64 = 1 << 40;

/// The people and attributes of one supplier, by number.
#[derive(Debug)]
pub struct Names {
    subjects: Interner,
    fields: Interner,
    /// The people that the last event named, each once.
    event_subjects: Vec<u32>,
}

impl Names {
    /// Remembers at most `subjects_max` people.
    pub fn new(subjects_max: usize) -> Self {
        Self {
            subjects: Interner::new(subjects_max),
            fields: Interner::new(FIELDS_MAX),
            event_subjects: Vec::new(),
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
        let mut fields = 0;
        for name in event.fields.iter() {
            fields |= self.fields.intern(name).map_or(OTHER_BIT, |id| 1 << id);
        }
        let share = Share {
            records,
            exported: if event.action.is_export() { records } else { 0 },
            unnamed: records - known,
            fields,
        };
        (share, unknown == 0)
    }

    /// The people that the last event named, each once.
    pub fn event_subjects(&self) -> &[u32] {
        &self.event_subjects
    }

    /// The names of the attributes in a set of bits, sorted.
    pub fn field_names(&self, fields: u32) -> Vec<String> {
        let known = (0..self.fields.len()).filter(|id| fields & (1 << id) != 0);
        let mut names: Vec<String> = known
            .filter_map(|id| u32::try_from(id).ok())
            .map(|id| self.fields.resolve(id).to_owned())
            .collect();
        if fields & OTHER_BIT != 0 && !names.iter().any(|name| name == OTHER_FIELDS) {
            names.push(OTHER_FIELDS.to_owned());
        }
        names.sort_unstable();
        names
    }

    /// Bytes held, estimated.
    pub fn bytes(&self) -> usize {
        self.subjects.bytes()
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
                Some(id) => self.event_subjects.push(id),
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
    fn people_past_the_limit_count_without_a_name() {
        let mut names = Names::new(1);
        let (share, exact) = names.read(&event(&["x", "y"], None), false);
        assert_eq!((share.records, share.unnamed, exact), (2, 1, false));
        let (share, exact) = names.read(&event(&["x"], None), true);
        assert_eq!((share.records, share.unnamed, exact), (1, 1, false));
    }
}
