//! Reads the source and holds the boundaries that no compiler knows.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files and folders that are pure: no runtime, no Kafka, no clock, no file, no socket.
const PURE: [&str; 11] = [
    "event.rs",
    "intern.rs",
    "decode/",
    "detect/",
    "incident/",
    "feed/merge.rs",
    "feed/pipeline.rs",
    "feed/repeats.rs",
    "feed/watch/",
    "ingest/position.rs",
    "simulate/world.rs",
];

/// What a pure module never names.
const IMPURE: [&str; 9] = [
    "tokio",
    "rdkafka",
    "std::time",
    "clock::",
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "tracing",
];

/// The stages, in the order data flows; ingest is left out, as its Kafka side hands decoded batches
/// to the engine. A module may name those before it, never those after.
const STAGES: [&str; 7] = [
    "event", "decode", "detect", "incident", "feed", "sink", "daemon",
];

struct Source {
    path: String,
    code: String,
}

fn sources() -> Vec<Source> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let read = |file: PathBuf| Source {
        path: file.strip_prefix(&root).unwrap().display().to_string(),
        code: code_of(&fs::read_to_string(&file).unwrap()),
    };
    files.into_iter().map(read).collect()
}

/// A file without its tests and comments.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn impurities(source: &Source) -> Vec<String> {
    if !PURE.iter().any(|pure| source.path.starts_with(pure)) {
        return Vec::new();
    }
    let named = IMPURE.iter().filter(|word| source.code.contains(*word));
    named
        .map(|word| format!("{} is pure and names {word}", source.path))
        .collect()
}

fn later_stages(source: &Source) -> Vec<String> {
    let stage = |name: &str| STAGES.iter().position(|stage| *stage == name);
    let own = source.path.split(['/', '.']).next().unwrap();
    let Some(own) = stage(own) else {
        return Vec::new();
    };
    let is_named = |later: &&&str| {
        source.code.contains(&format!("crate::{later}::"))
            || source.code.contains(&format!("\n    {later}::"))
    };
    let later = STAGES[own + 1..].iter();
    later
        .filter(is_named)
        .map(|later| format!("{} names the later stage {later}", source.path))
        .collect()
}

fn length(source: &Source) -> Option<String> {
    let lines = source.code.lines().count();
    (lines > 400).then(|| format!("{} has {lines} lines of code", source.path))
}

#[test]
fn the_source_keeps_its_boundaries() {
    let sources = sources();
    assert!(sources.len() > 20, "the source was found");
    let mut faults: Vec<String> = Vec::new();
    for source in &sources {
        faults.extend(impurities(source));
        faults.extend(later_stages(source));
        faults.extend(length(source));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_rule_can_fail() {
    let bad = |path: &str, code: &str| Source {
        path: path.to_owned(),
        code: code_of(code),
    };
    assert_eq!(
        impurities(&bad("detect/x.rs", "use std::time::Instant;")).len(),
        1
    );
    assert_eq!(
        impurities(&bad("daemon/x.rs", "use std::time::Instant;")).len(),
        0
    );
    assert_eq!(
        later_stages(&bad("detect/x.rs", "use crate::incident::Alert;")).len(),
        1
    );
    assert_eq!(
        later_stages(&bad("incident/x.rs", "use crate::detect::Finding;")).len(),
        0
    );
    assert_eq!(
        later_stages(&bad(
            "detect/x.rs",
            "use crate::{\n    incident::Alert,\n};"
        ))
        .len(),
        1
    );
    assert_eq!(
        later_stages(&bad("detect/x.rs", "// use crate::incident::Alert;")).len(),
        0
    );
    assert!(length(&bad("x.rs", &"let x = 1;\n".repeat(401))).is_some());
}
