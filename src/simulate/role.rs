//! The jobs people do at a supplier: how much, when, and in which ways they read.

use crate::event::{AccountKind, Action};

/// When in the day a role works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hours {
    /// A morning and an afternoon, with lunch between.
    Office,
    /// Three shifts that rotate by the week, all days alike.
    Shifts,
}

/// A job and its ordinary reading.
#[derive(Debug)]
pub(super) struct Role {
    /// Name on the wire.
    pub name: &'static str,
    /// What its accounts are.
    pub kind: AccountKind,
    /// Share of the supplier's people.
    pub share: f64,
    /// Mean events on a working day.
    pub events_a_day: f64,
    /// People in an account's own portfolio.
    pub portfolio: u32,
    /// Chance that a read falls into the portfolio.
    pub locality: f64,
    /// When it works.
    pub hours: Hours,
    /// How often it does what.
    pub mix: &'static [(Action, f64)],
    /// Most people in an ordinary export.
    pub export_max: u32,
    /// How much of the month-end peak reaches it: 0 not at all, 1 whole.
    pub month_end: f64,
    /// What it is shown.
    pub fields: &'static [&'static str],
}

use Action::{Download, Export, List, Print, Search, Update, View};

/// Roles of a supplier; their shares add to 1.
pub(super) const ROLES: &[Role] = &[
    Role {
        name: "clerk",
        kind: AccountKind::Person,
        share: 0.5,
        events_a_day: 42.0,
        portfolio: 350,
        locality: 0.7,
        hours: Hours::Office,
        mix: &[(View, 0.74), (Search, 0.12), (Update, 0.11), (Print, 0.03)],
        export_max: 1,
        month_end: 0.0,
        fields: &["name", "rank", "photo", "address"],
    },
    Role {
        name: "adviser",
        kind: AccountKind::Person,
        share: 0.15,
        events_a_day: 70.0,
        portfolio: 200,
        locality: 0.1,
        hours: Hours::Office,
        mix: &[(View, 0.66), (Search, 0.26), (Update, 0.08)],
        export_max: 1,
        month_end: 0.0,
        fields: &["name", "rank", "phone", "email"],
    },
    Role {
        name: "payroll",
        kind: AccountKind::Person,
        share: 0.12,
        events_a_day: 45.0,
        portfolio: 900,
        locality: 0.85,
        hours: Hours::Office,
        mix: &[
            (View, 0.7),
            (Search, 0.08),
            (List, 0.08),
            (Export, 0.03),
            (Update, 0.11),
        ],
        export_max: 40,
        month_end: 1.0,
        fields: &["name", "salary", "bank_account", "tax_code"],
    },
    Role {
        name: "manager",
        kind: AccountKind::Person,
        share: 0.1,
        events_a_day: 16.0,
        portfolio: 120,
        locality: 0.9,
        hours: Hours::Office,
        mix: &[(View, 0.72), (List, 0.18), (Download, 0.06), (Search, 0.04)],
        export_max: 25,
        month_end: 0.5,
        fields: &["name", "rank", "unit"],
    },
    Role {
        name: "desk",
        kind: AccountKind::Person,
        share: 0.1,
        events_a_day: 38.0,
        portfolio: 600,
        locality: 0.4,
        hours: Hours::Shifts,
        mix: &[(View, 0.9), (Search, 0.1)],
        export_max: 1,
        month_end: 0.0,
        fields: &["name", "photo", "pass_number"],
    },
    Role {
        name: "operator",
        kind: AccountKind::Admin,
        share: 0.03,
        events_a_day: 14.0,
        portfolio: 60,
        locality: 0.2,
        hours: Hours::Office,
        mix: &[(View, 0.4), (Search, 0.2), (Update, 0.36), (List, 0.04)],
        export_max: 5,
        month_end: 0.0,
        fields: &["name", "login", "unit"],
    },
];

/// Name of the role that programs have.
pub(super) const SERVICE_ROLE: &str = "integration";
