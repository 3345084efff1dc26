//! The names of topics: what Kafka would refuse, or what would have us read our own words, is told
//! before a broker is asked.

use super::{Input, read::Reader};
use crate::sink::alerts::Topics;

/// Our own topics.
const OWN: [&str; 3] = ["topics.alerts", "topics.quarantine", "topics.state"];

/// Longest name of a topic (Kafka, `org.apache.kafka.common.internals.Topic`).
const LENGTH_MAX: usize = 249;
const NO_NAME: &str =
    "is no name of a topic: at most 249 letters, digits, dots, underscores and hyphens";

/// Our own topics, each with a name of its own that no `input` matches.
pub(super) fn own(read: &mut Reader, input: &[Input]) -> Topics {
    let names = OWN.map(|key| read.text(key));
    for (place, (key, name)) in OWN.into_iter().zip(&names).enumerate() {
        if !is_legal(name) {
            read.refuse(key, NO_NAME);
        } else if names[..place].contains(name) {
            read.refuse(
                key,
                "is the name of another of our topics; each has its own",
            );
        } else if input.iter().any(|input| input.is_of(name)) {
            read.refuse(
                key,
                "is read as an input too; narrow kafka.input, or rename it",
            );
        }
    }
    let [alerts, quarantine, state] = names;
    Topics {
        alerts,
        state,
        quarantine,
    }
}

/// The topics that `key` names.
pub(super) fn named(read: &mut Reader, key: &str) -> Vec<String> {
    let topics = read.texts(key);
    if !topics.iter().all(|topic| is_legal(topic)) {
        read.refuse(key, NO_NAME);
    }
    topics
}

/// Whether Kafka takes it for the name of a topic.
pub(super) fn is_legal(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_short = (1..=LENGTH_MAX).contains(&name.len());
    is_short && ![".", ".."].contains(&name) && name.bytes().all(is_legal)
}
