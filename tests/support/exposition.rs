//! A strict reader of the Prometheus text format 0.0.4: what it takes, any scraper takes.

use std::collections::{BTreeMap, BTreeSet};

/// One metric family as it was shown.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    /// Every set of label names among its series, `le` left out.
    pub(crate) labels: BTreeSet<Vec<String>>,
}

/// Labels by name.
type Labels = BTreeMap<String, String>;

/// A page of metrics.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Family>,
    series: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    /// Reads a page; the first thing that is wrong with it otherwise.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        let mut page = Self::default();
        let mut family = String::new();
        let mut helped = String::new();
        for line in text.lines() {
            let wrong = |what: &str| Err(format!("{what}: {line}"));
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap_or((help, ""));
                if words.is_empty() || page.families.contains_key(name) {
                    return wrong("help without words or twice");
                }
                name.clone_into(&mut helped);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap_or((kind, ""));
                if name != helped || !["counter", "gauge", "histogram"].contains(&kind) {
                    return wrong("type without help, or of no kind");
                }
                if (kind == "counter") != name.ends_with("_total") || !is_name(name) {
                    return wrong("name of another kind");
                }
                name.clone_into(&mut family);
                let kind = kind.to_owned();
                let new = Family {
                    kind,
                    ..Family::default()
                };
                if page.families.insert(family.clone(), new).is_some() {
                    return wrong("type twice");
                }
            } else {
                page.take(&family, line)
                    .map_err(|what| format!("{what}: {line}"))?;
            }
        }
        page.check_histograms()?;
        Ok(page)
    }

    fn take(&mut self, family: &str, line: &str) -> Result<(), &'static str> {
        let at = line.find(['{', ' ']).ok_or("no value")?;
        let (name, rest) = line.split_at(at);
        let (mut labels, value) = if let Some(rest) = rest.strip_prefix('{') {
            read_labels(rest)?
        } else {
            (Labels::new(), rest)
        };
        let value = value.strip_prefix(' ').ok_or("no space before the value")?;
        let value: f64 = value.parse().map_err(|_| "no number, or a time after it")?;
        let of = self.families.get_mut(family).ok_or("sample before type")?;
        let part = name
            .strip_prefix(family)
            .ok_or("sample outside its family")?;
        let is_part = match (of.kind.as_str(), part) {
            ("histogram", "_bucket") => labels.contains_key("le"),
            ("histogram", "_sum" | "_count") | ("counter" | "gauge", "") => {
                !labels.contains_key("le")
            }
            _ => false,
        };
        if !is_part {
            return Err("no part of its family");
        }
        if of.kind != "gauge" && (value < 0.0 || !value.is_finite()) {
            return Err("a count that is none");
        }
        let key = (name.to_owned(), labels.clone());
        if self.series.insert(key, value).is_some() {
            return Err("series twice");
        }
        labels.remove("le");
        of.labels.insert(labels.into_keys().collect());
        Ok(())
    }

    /// Buckets rise, and the last is the count.
    fn check_histograms(&self) -> Result<(), String> {
        let histograms = self
            .families
            .iter()
            .filter(|(_, of)| of.kind == "histogram");
        for (family, _) in histograms {
            let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for ((name, labels), count) in &self.series {
                if *name == format!("{family}_bucket") {
                    let mut labels = labels.clone();
                    let bound = labels.remove("le").unwrap_or_default();
                    let bound = bound.parse().map_err(|_| format!("{family}: le={bound}"))?;
                    buckets.entry(labels).or_default().push((bound, *count));
                }
            }
            for (labels, mut buckets) in buckets {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                if !buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1) {
                    return Err(format!("{family}: buckets fall"));
                }
                let count = self
                    .series
                    .get(&(format!("{family}_count"), labels.clone()));
                let last = buckets.last().copied();
                if last != count.map(|count| (f64::INFINITY, *count)) {
                    return Err(format!("{family}: the last bucket is not the count"));
                }
                if !self.series.contains_key(&(format!("{family}_sum"), labels)) {
                    return Err(format!("{family}: no sum"));
                }
            }
        }
        Ok(())
    }

    /// The values of `rosterwatch_` and `name` among the series that carry `labels`.
    pub(crate) fn values(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let name = format!("rosterwatch_{name}");
        let carries = |of: &Labels| {
            let mut labels = labels.iter();
            labels.all(|(label, value)| of.get(*label).is_some_and(|has| has == value))
        };
        let series = self.series.iter();
        let found = series.filter(|((of, labels), _)| *of == name && carries(labels));
        found.map(|(_, value)| *value).collect()
    }

    /// Their sum.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.values(name, labels).iter().sum()
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Labels up to the closing brace, and what follows it.
fn read_labels(mut rest: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Labels::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, quoted) = rest.split_once("=\"").ok_or("label without a value")?;
        if !is_name(name) || name.starts_with("__") {
            return Err("no name of a label");
        }
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().ok_or("label without an end")? {
                (at, '"') => break at,
                (_, '\\') => match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, letter @ ('\\' | '"'))) => value.push(letter),
                    _ => return Err("no escape"),
                },
                (_, letter) => value.push(letter),
            }
        };
        if labels.insert(name.to_owned(), value).is_some() {
            return Err("label twice");
        }
        rest = &quoted[end + 1..];
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err("no comma between labels"),
        }
    }
}

#[test]
fn the_reader_takes_nothing_that_is_wrong() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\",y=\"\\\"\"} 2\n";
    assert!(Exposition::read(good).is_ok());
    let bad = [
        ("a_total{x=\"1\"} 2\n", "sample before type"),
        (
            "# HELP a A.\n# TYPE a counter\na 2\n",
            "name of another kind",
        ),
        ("# TYPE a_total counter\na_total 2\n", "type without help"),
        (
            "# HELP a A.\n# TYPE a gauge\na{x=\"1\"} 2\na{x=\"1\"} 2\n",
            "series twice",
        ),
        (
            "# HELP a A.\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 2\n",
            "label twice",
        ),
        ("# HELP a A.\n# TYPE a gauge\na 2 1000\n", "a time after it"),
        ("# HELP a A.\n# TYPE a gauge\nb 2\n", "outside its family"),
        ("# HELP a A.\n# TYPE a gauge\na{1=\"\"} 2\n", "no name"),
        ("# HELP a A.\n# TYPE a gauge\na 2", "no end"),
        (
            "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
            "buckets fall",
        ),
        (
            "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\na_count 2\n",
            "not the count",
        ),
    ];
    for (text, what) in bad {
        let error = Exposition::read(text).unwrap_err();
        assert!(error.contains(what), "{error}");
    }
}
