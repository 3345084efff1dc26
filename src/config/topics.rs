//! The names of topics: what Kafka would refuse, or what would have us read our own words, is told
//! before a broker is asked.

use super::read::Reader;
use crate::sink::alerts::Topics;

/// Our own topics.
const OWN: [&str; 3] = ["topics.alerts", "topics.quarantine", "topics.state"];

/// Longest name of a topic (Kafka, `org.apache.kafka.common.internals.Topic`).
const LENGTH_MAX: usize = 249;
const NO_NAME: &str = "is no name of a topic: at most 249 of A-Z, a-z, 0-9, dot, underscore and hyphen, \
                       and neither . nor .. nor a pattern, which belongs under kafka.input";

/// Our own topics, each with a name of its own that Kafka tells from the others, and that is no input.
pub(super) fn own(read: &mut Reader, is_input: impl Fn(&str) -> bool) -> Topics {
    let names = OWN.map(|key| read.text(key));
    // Names that differ by these two alone collide in the names of Kafka's metrics.
    let told_apart = names.each_ref().map(|name| name.replace('.', "_"));
    for (place, (key, name)) in OWN.into_iter().zip(&names).enumerate() {
        if !read.has(key) {
            continue;
        }
        if !is_legal(name) {
            read.refuse(key, NO_NAME);
        } else if name.starts_with("__") {
            read.refuse(
                key,
                "begins with two underscores, as Kafka's own topics do; rename it",
            );
        } else if told_apart[..place].contains(&told_apart[place]) {
            read.refuse(
                key,
                "is the name of another of our topics, or collides with it (. and _ are one to Kafka); \
                 rename it",
            );
        } else if is_input(name) {
            read.refuse(
                key,
                "is read as an input too; narrow kafka.input or the supplier's topics, or rename it",
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
