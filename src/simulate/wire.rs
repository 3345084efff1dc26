//! One access of the world, and its line of JSON in the native format.

use std::fmt::Write as _;

use crate::event::{Action, Outcome, Timestamp};
use crate::simulate::client::Client;
use crate::simulate::world::Account;

/// One access, before it is a line.
#[derive(Clone, Debug)]
pub(super) struct Access {
    /// Epoch milliseconds.
    pub time: i64,
    /// Index into the world's accounts.
    pub account: u32,
    /// What was done.
    pub action: Action,
    /// People named, by number in the supplier's population.
    pub subjects: Vec<u32>,
    /// Records returned, where said.
    pub records: Option<u32>,
    /// Number of the logical export it is a part of.
    pub operation: Option<u64>,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// Number of the account's session.
    pub session: u32,
    /// Where it came from.
    pub client: Client,
    /// What was shown.
    pub fields: &'static [&'static str],
    /// Index of the attack it belongs to.
    pub attack: Option<u32>,
    /// The supplier's running number, set when its log is written.
    pub seq: u64,
}

/// Number of the logical export `number` in a session of an account.
pub(super) fn operation(account: u32, session: u32, number: u32) -> u64 {
    u64::from(account) << 36 | u64::from(session & 0xF_FFFF) << 16 | u64::from(number & 0xFFFF)
}

impl Access {
    /// A success that touched nobody yet, of no session.
    pub(super) const fn new(time: i64, account: u32, action: Action, client: Client) -> Self {
        Self {
            time,
            account,
            action,
            subjects: Vec::new(),
            records: None,
            operation: None,
            outcome: Outcome::Success,
            session: 0,
            client,
            fields: &[],
            attack: None,
            seq: 0,
        }
    }

    /// Records that reached the account: none where it was refused or nothing was read.
    pub(super) fn exposed_records(&self) -> u64 {
        if self.action.is_read() && self.outcome.exposes() {
            let named = self.subjects.len() as u64;
            self.records.map_or(named.max(1), u64::from).max(named)
        } else {
            0
        }
    }

    /// Writes it as one line without a line end.
    pub(super) fn to_json(&self, supplier: &str, account: &Account) -> String {
        let mut line = String::with_capacity(360 + 12 * self.subjects.len());
        // Every text here is made of letters, digits and a few marks: nothing needs escaping,
        // and writing to a string cannot fail.
        let mut put = |parts: std::fmt::Arguments<'_>| {
            let _infallible = line.write_fmt(parts);
        };
        put(format_args!(
            r#"{{"id":"{supplier}-{:08x}","time":"{}","supplier":"{supplier}","account":"{}","account_kind":"{}","role":"{}","action":"{}","dataset":"personnel""#,
            self.seq,
            Timestamp::from_millis(self.time),
            account.name,
            account.kind.as_str(),
            account.role,
            self.action.as_str(),
        ));
        match self.subjects.as_slice() {
            [] => {}
            [one] => put(format_args!(r#","subject":"{}""#, Subject(*one))),
            many => {
                put(format_args!(r#","subjects":["#));
                for (index, subject) in many.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    put(format_args!(r#"{comma}"{}""#, Subject(*subject)));
                }
                put(format_args!("]"));
            }
        }
        if let Some(records) = self.records {
            put(format_args!(r#","records":{records}"#));
        }
        if !self.fields.is_empty() {
            put(format_args!(r#","fields":["#));
            for (index, field) in self.fields.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                put(format_args!(r#"{comma}"{field}""#));
            }
            put(format_args!("]"));
        }
        if let Some(operation) = self.operation {
            put(format_args!(r#","operation":"op-{operation:010x}""#));
        }
        put(format_args!(
            r#","outcome":"{}","source_ip":"{}","user_agent":"{}","session":"s-{}-{}","seq":{}}}"#,
            self.outcome.as_str(),
            self.client.ip,
            self.client.agent,
            self.account,
            self.session,
            self.seq,
        ));
        line
    }
}

/// A person's record, by number.
struct Subject(u32);

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MP-{:06}", 100_000 + self.0)
    }
}
