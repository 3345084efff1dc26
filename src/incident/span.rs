//! How long an episode lasts: when it closes, and which crossings belong to it.

use crate::{
    detect::pane::{PANES_PER_DAY, pane_of, pane_start},
    event::Timestamp,
    incident::{Config, episode::Episode},
};

/// When the watermark must have passed for an open episode to close, or for a closed one to be
/// forgotten. The whole last pane counts, so that no event of it can come after.
pub(super) fn deadline(config: &Config, episode: &Episode) -> Timestamp {
    let pane_end = pane_start(episode.last_pane + 1);
    let quiet = pane_end.plus_millis(config.quiet_ms);
    if episode.closed {
        quiet.plus_millis(config.horizon_ms)
    } else {
        quiet
    }
}

/// Whether a crossing at `pane` belongs to the episode: not more than the quiet from it, or so that
/// both would have one name.
pub(super) fn near(config: &Config, episode: &Episode, pane: u32) -> bool {
    let quiet = pane_of(Timestamp::from_millis(config.quiet_ms));
    let from = episode.first.pane.saturating_sub(quiet);
    let to = episode.last_pane.saturating_add(quiet);
    (from..=to).contains(&pane) || pane / PANES_PER_DAY == episode.first.pane / PANES_PER_DAY
}
