//! The tables of suppliers, and those inside of them whose names the operator chooses.

use super::{Reader, join};
use crate::config::{
    Value, ValueKind,
    keys::{ACCOUNT_KEYS, Form, JOB_KEYS, SUPPLIER_KEYS},
};

/// What the tables of suppliers, accounts and jobs hold.
const SUPPLIER_HAS: &str = "a supplier has topics, lateness, datasets, population, delivery, \
                             timezone, holidays, accounts, jobs";
const ACCOUNT_HAS: &str = "an account has kind, never_export, may_read_all";
const JOB_HAS: &str = "a job has account, action, every, day, at, within, people_max";

impl Reader {
    /// Checks the table of the supplier `name`.
    pub(super) fn take_supplier(&mut self, name: &str, value: &Value) {
        let path = join("suppliers", name);
        if self.is_from_environment(&path) {
            self.refuse(&path, "comes from the file only; move it there");
            return;
        }
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if name.len() > 128 || !name.bytes().all(is_allowed) {
            self.refuse(
                &path,
                "is no supplier's name; use a to z, digits, dot, underscore and hyphen",
            );
        }
        let ValueKind::Table(table) = &value.kind else {
            self.refuse(&path, "is no table; write [suppliers.name]");
            return;
        };
        self.suppliers.insert(name.to_owned());
        for (leaf, value) in table {
            let key = join(&path, leaf);
            match leaf.as_str() {
                "accounts" => self.take_accounts(&key, value),
                "jobs" => self.take_jobs(&key, value),
                _ => self.take_known(&key, leaf, value, SUPPLIER_KEYS, SUPPLIER_HAS),
            }
        }
    }

    fn take_accounts(&mut self, path: &str, value: &Value) {
        let ValueKind::Table(accounts) = &value.kind else {
            return self.refuse(path, "is no table; write [suppliers.name.accounts.account]");
        };
        let mut names: Vec<_> = accounts.keys().cloned().collect();
        names.sort_unstable();
        for name in &names {
            let path = join(path, name);
            let ValueKind::Table(account) = &accounts[name].kind else {
                self.refuse(
                    &path,
                    "is no table; write [suppliers.name.accounts.account], quoted where it has a dot",
                );
                continue;
            };
            for (leaf, value) in account {
                self.take_known(&join(&path, leaf), leaf, value, ACCOUNT_KEYS, ACCOUNT_HAS);
            }
        }
        self.tables.insert(path.to_owned(), names);
    }

    fn take_jobs(&mut self, path: &str, value: &Value) {
        const LIST: &str = "is no list of tables; write [[suppliers.name.jobs]]";
        let ValueKind::Array(jobs) = &value.kind else {
            return self.refuse(path, LIST);
        };
        let mut names = Vec::new();
        for (number, job) in jobs.iter().enumerate() {
            let path = format!("{path}[{number}]");
            let ValueKind::Table(job) = &job.kind else {
                self.refuse(&path, LIST);
                continue;
            };
            for (leaf, value) in job {
                self.take_known(&join(&path, leaf), leaf, value, JOB_KEYS, JOB_HAS);
            }
            names.push(path);
        }
        self.tables.insert(path.to_owned(), names);
    }

    fn take_known(
        &mut self,
        key: &str,
        leaf: &str,
        value: &Value,
        known: &[(&str, Form)],
        has: &str,
    ) {
        match known.iter().find(|(known, _)| *known == leaf) {
            Some((_, form)) => self.take(key, *form, value),
            None => self.refuse(key, &format!("is unknown; {has}")),
        }
    }
}
