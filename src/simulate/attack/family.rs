//! The families of thefts, and what is known of each before any is drawn.

/// Most accounts in a theft of many together.
pub(super) const TOGETHER_MAX: u32 = 10;

/// How a theft is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Everything in one export.
    OneShotExport,
    /// People one by one or a page at a time, within minutes.
    ScrapeFast,
    /// The same over some hours.
    ScrapeHours,
    /// The same over a working day.
    ScrapeWorkingDay,
    /// The same over two to six days.
    SpreadDays,
    /// From ten people a day above the usual, for weeks, among the ordinary reading.
    SlowDrip,
    /// A slow drip that begins with a few and grows from day to day.
    PoisoningRamp,
    /// By an account that did not exist before.
    NewAccount,
    /// By an account that had been silent for weeks.
    DormantAccount,
    /// A job's run once more, at another hour.
    HijackedJobOtherHour,
    /// A job's run at its hour that goes on past its usual end.
    HijackedJobLarger,
    /// Five to ten accounts, each a little above its usual, within hours.
    ManyAccountsTogether,
    /// Search after search, page after page of results.
    SearchHarvest,
    /// Number after number, misses among them.
    SequentialIds,
    /// Never many in an hour, never the same person twice, for weeks.
    WideCoverage,
    /// Not many people, but attributes of theirs that the account never read before.
    NewAttributes,
    /// One export in many small pieces.
    SplitExport,
}

/// Whose account a theft uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Person,
    New,
    Dormant,
    Job,
    Several,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 17] = [
        Self::OneShotExport,
        Self::ScrapeFast,
        Self::ScrapeHours,
        Self::ScrapeWorkingDay,
        Self::SpreadDays,
        Self::SlowDrip,
        Self::PoisoningRamp,
        Self::NewAccount,
        Self::DormantAccount,
        Self::HijackedJobOtherHour,
        Self::HijackedJobLarger,
        Self::ManyAccountsTogether,
        Self::SearchHarvest,
        Self::SequentialIds,
        Self::WideCoverage,
        Self::NewAttributes,
        Self::SplitExport,
    ];

    /// The word in the labels and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneShotExport => "one_shot_export",
            Self::ScrapeFast => "scrape_fast",
            Self::ScrapeHours => "scrape_hours",
            Self::ScrapeWorkingDay => "scrape_working_day",
            Self::SpreadDays => "spread_days",
            Self::SlowDrip => "slow_drip",
            Self::PoisoningRamp => "poisoning_ramp",
            Self::NewAccount => "new_account",
            Self::DormantAccount => "dormant_account",
            Self::HijackedJobOtherHour => "hijacked_job_other_hour",
            Self::HijackedJobLarger => "hijacked_job_larger",
            Self::ManyAccountsTogether => "many_accounts_together",
            Self::SearchHarvest => "search_harvest",
            Self::SequentialIds => "sequential_ids",
            Self::WideCoverage => "wide_coverage",
            Self::NewAttributes => "new_attributes",
            Self::SplitExport => "split_export",
        }
    }

    /// Most accounts of ordinary people that one theft uses up.
    pub(in crate::simulate) const fn people_max(self) -> u32 {
        match self.target() {
            Target::Person | Target::Dormant => 1,
            Target::New | Target::Job => 0,
            Target::Several => TOGETHER_MAX,
        }
    }

    pub(super) const fn target(self) -> Target {
        match self {
            Self::NewAccount => Target::New,
            Self::DormantAccount => Target::Dormant,
            Self::HijackedJobOtherHour | Self::HijackedJobLarger => Target::Job,
            Self::ManyAccountsTogether => Target::Several,
            _ => Target::Person,
        }
    }

    /// Whether its reads hide among those of the account's own day, so that it waits for one.
    pub(super) const fn needs_own_day(self) -> bool {
        matches!(
            self,
            Self::SlowDrip | Self::PoisoningRamp | Self::HijackedJobLarger
        )
    }

    /// Share of thefts that come from somebody else's computer.
    pub(super) const fn strangers(self) -> f64 {
        match self {
            Self::PoisoningRamp => 0.0,
            Self::SlowDrip | Self::HijackedJobLarger => 0.05,
            Self::NewAttributes | Self::SpreadDays => 0.15,
            Self::ManyAccountsTogether | Self::WideCoverage => 0.4,
            Self::HijackedJobOtherHour => 0.65,
            Self::DormantAccount => 0.85,
            _ => 0.5,
        }
    }

    /// Share of thefts before which access was refused a few times.
    pub(super) const fn refusals(self) -> f64 {
        match self {
            Self::SlowDrip | Self::PoisoningRamp | Self::HijackedJobLarger => 0.0,
            Self::DormantAccount | Self::NewAttributes => 0.4,
            _ => 0.15,
        }
    }

    /// Share of thefts that leave as exports rather than page by page.
    pub(super) const fn exports(self) -> f64 {
        match self {
            Self::OneShotExport | Self::SplitExport => 1.0,
            Self::NewAccount | Self::DormantAccount => 0.5,
            Self::NewAttributes => 0.2,
            _ => 0.0,
        }
    }

    /// Kinds of alert that would describe a theft of this family.
    pub(super) const fn kinds(self, exports: bool) -> &'static [&'static str] {
        match (self, exports) {
            (Self::NewAccount, true) => &["new_account", "bulk_export"],
            (Self::NewAccount, false) => &["new_account", "enumeration"],
            (Self::DormantAccount, true) => &["dormant_account", "bulk_export"],
            (Self::DormantAccount, false) => &["dormant_account", "enumeration"],
            (Self::HijackedJobOtherHour, _) => &["off_schedule"],
            (Self::HijackedJobLarger, _) => &["off_schedule", "bulk_export"],
            (Self::ManyAccountsTogether, _) => &["supplier_wide"],
            (Self::SlowDrip | Self::PoisoningRamp | Self::WideCoverage, _) => &["slow_drip"],
            (Self::SpreadDays, _) => &["slow_drip", "enumeration"],
            (_, true) => &["bulk_export"],
            (_, false) => &["enumeration"],
        }
    }
}

impl std::str::FromStr for Family {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let family = Self::ALL.into_iter().find(|family| family.as_str() == word);
        family.ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|family| family.as_str()).collect();
            format!("expected some of {}", words.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_by_its_word() {
        for family in Family::ALL {
            assert_eq!(family.as_str().parse(), Ok(family));
        }
        assert!(
            "scrape"
                .parse::<Family>()
                .unwrap_err()
                .contains("scrape_fast")
        );
    }
}
