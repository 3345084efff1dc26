//! Records and their verdicts: a corpus of refused and accepted ones, and what must hold for any.

use std::fmt::Write as _;

use proptest::prelude::*;
use rosterwatch::{
    decode::{DecodedBatch, Refusal, Reject, Verdict},
    event::AccessEvent,
    ingest::RecordBatch,
};
use serde_json::{Map, Value, json};

/// Whose topic the corpus is read from.
const SUPPLIER: &str = "acme";

/// A record of the corpus, with the verdict that the contract gives it.
struct Case {
    name: String,
    payload: Vec<u8>,
    verdict: String,
    field: Option<String>,
    /// Some of the event's values.
    expect: Map<String, Value>,
}

fn cases() -> Vec<Case> {
    let corpus = include_str!("decode/records.ndjson").lines();
    corpus
        .map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| case[key].as_str().map(str::to_owned);
            Case {
                name: text("name").unwrap(),
                payload: payload(&case),
                verdict: text("verdict").unwrap(),
                field: text("field"),
                expect: case["expect"].as_object().cloned().unwrap_or_default(),
            }
        })
        .collect()
}

/// A case's bytes: `payload`, `payload_hex`, or a unit repeated between a head and a tail.
fn payload(case: &Value) -> Vec<u8> {
    let bytes = |value: &Value, key: &str| value[key].as_str().map(|text| text.as_bytes().to_vec());
    let hex = |value: &Value, key: &str| {
        let text = value[key].as_str()?;
        Some(data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap())
    };
    if let Some(repeat) = case.get("repeat") {
        let unit = hex(repeat, "unit_hex").or_else(|| bytes(repeat, "unit"));
        let count = repeat["count"].as_u64().unwrap();
        let mut payload = bytes(repeat, "head").unwrap();
        payload.extend(unit.unwrap().repeat(usize::try_from(count).unwrap()));
        payload.extend(bytes(repeat, "tail").unwrap());
        return payload;
    }
    hex(case, "payload_hex")
        .or_else(|| bytes(case, "payload"))
        .unwrap()
}

fn decode<'a>(payloads: impl IntoIterator<Item = &'a [u8]>) -> DecodedBatch {
    let mut batch = RecordBatch::default();
    for (position, payload) in (0..).zip(payloads) {
        batch.push(payload, position, -1);
    }
    DecodedBatch::decode(batch, Some(SUPPLIER))
}

/// Everything an event says, hashes aside.
fn to_json(event: &AccessEvent<'_>) -> Value {
    json!({
        "id": event.id,
        "time": event.time.as_millis(),
        "supplier": event.supplier,
        "account": event.account,
        "account_kind": event.account_kind.as_str(),
        "role": event.role,
        "action": event.action.as_str(),
        "dataset": event.dataset,
        "subjects": event.subjects.iter().collect::<Vec<_>>(),
        "records": event.records,
        "bytes": event.bytes,
        "fields": event.fields.iter().collect::<Vec<_>>(),
        "operation": event.operation,
        "outcome": event.outcome.as_str(),
        "source_ip": event.source_ip,
        "user_agent": event.user_agent,
        "session": event.session,
        "seq": event.seq,
    })
}

/// A verdict in words that can be compared.
fn told(batch: &DecodedBatch, index: usize) -> String {
    match batch.get(index).1 {
        Verdict::Event(event) => {
            let (id, content) = (event.id_hash, event.content_hash);
            format!("{} {id:x} {content:x}", to_json(&event))
        }
        Verdict::Refused(Refusal { reject, field }) => format!("{} {field:?}", reject.as_str()),
    }
}

fn told_alone(payload: &[u8]) -> String {
    told(&decode([payload]), 0)
}

#[test]
fn every_record_of_the_corpus_gets_the_verdict_stored_with_it() {
    let cases = cases();
    let mut wrong = String::new();
    for case in &cases {
        let batch = decode([case.payload.as_slice()]);
        let (verdict, field) = match batch.get(0).1 {
            Verdict::Refused(refusal) => (refusal.reject.as_str(), refusal.field),
            Verdict::Event(event) => {
                let event = to_json(&event);
                for (key, value) in &case.expect {
                    if event[key] != *value {
                        writeln!(wrong, "{}: {key} is {}", case.name, event[key]).unwrap();
                    }
                }
                ("event", None)
            }
        };
        if (verdict, field) != (case.verdict.as_str(), case.field.as_deref()) {
            writeln!(wrong, "{}: is {verdict} {field:?}", case.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");

    let refused = cases.iter().filter(|case| case.verdict != "event").count();
    assert!(refused >= 220, "{refused} refused");
    assert!(cases.len() - refused >= 40, "{refused} of {}", cases.len());
    for reject in Reject::ALL {
        let word = reject.as_str();
        assert!(cases.iter().any(|case| case.verdict == word), "{word}");
    }
}

/// One batch of all, turned by several lengths so that neighbours and borders differ, against
/// each record alone; and against a batch without those that make the bytes no UTF-8.
#[test]
fn a_verdict_depends_on_the_record_alone() {
    let cases = cases();
    let alone: Vec<_> = cases.iter().map(|case| told_alone(&case.payload)).collect();
    let mut order: Vec<_> = (0..cases.len()).collect();
    for turn in [0, 7, 101] {
        order.rotate_left(turn);
        for with_bad_bytes in [true, false] {
            let order: Vec<_> = order
                .iter()
                .copied()
                .filter(|index| with_bad_bytes || str::from_utf8(&cases[*index].payload).is_ok())
                .collect();
            let batch = decode(order.iter().map(|index| cases[*index].payload.as_slice()));
            assert_eq!(batch.len(), order.len());
            for (place, index) in order.into_iter().enumerate() {
                assert_eq!(told(&batch, place), alone[index], "{}", cases[index].name);
                let (record, _) = batch.get(place);
                assert!(batch.payload(record) == cases[index].payload);
            }
        }
    }
}

#[test]
fn buffers_come_back_with_the_bytes_they_were_given() {
    let batch = decode([&b"{}"[..], b"\xff", "\u{e9}".as_bytes()]);
    let records = batch.into_records();
    assert_eq!(records.bytes, b"{}\n\xff\n\xc3\xa9\n");
    assert_eq!(records.records.len(), 3);
}

#[test]
fn without_a_supplier_any_is_taken() {
    let mut batch = RecordBatch::default();
    let json =
        br#"{"id":"1","time":946684800000,"supplier":"any.one","account":"a","action":"view"}"#;
    batch.push(json, 1, -1);
    let batch = DecodedBatch::decode(batch, None);
    assert!(matches!(batch.get(0).1, Verdict::Event(event) if event.supplier == "any.one"));
}

/// An event with everything, as a map from key to JSON text.
fn full() -> Vec<(String, String)> {
    let pairs = json!({
        "id": "e-1", "time": "2026-11-23T09:14:05.123Z", "supplier": SUPPLIER, "account": "idc-clerk-07",
        "account_kind": "person", "role": "desk", "action": "export", "dataset": "personnel",
        "subjects": ["MP-1", "MP-2"], "records": 2, "bytes": 77, "fields": ["name", "rank"],
        "operation": "op", "outcome": "success", "source_ip": "203.0.113.7", "user_agent": "x y",
        "session": "s", "seq": 5,
    });
    let pairs = pairs.as_object().unwrap().iter();
    pairs
        .map(|(key, value)| (key.clone(), value.to_string()))
        .collect()
}

fn object(pairs: &[(String, String)]) -> Vec<u8> {
    let members: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

fn content_hash(payload: &[u8]) -> u64 {
    match decode([payload]).get(0).1 {
        Verdict::Event(event) => event.content_hash,
        Verdict::Refused(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn a_change_of_any_value_changes_the_content() {
    let other = json!({
        "id": "e-2", "time": "2026-11-23T09:14:05.124Z", "account": "idc-clerk-08",
        "account_kind": "service", "role": "des", "action": "view", "dataset": "personnel2",
        "subjects": ["MP-1M", "P-2"], "records": 3, "bytes": 0, "fields": ["nam", "erank"],
        "operation": "opd", "outcome": "unknown", "source_ip": "", "user_agent": "x",
        "session": null, "seq": 6,
    });
    let mut hashes = vec![content_hash(&object(&full()))];
    for (key, value) in other.as_object().unwrap() {
        let mut pairs = full();
        pairs.iter_mut().find(|pair| pair.0 == *key).unwrap().1 = value.to_string();
        hashes.push(content_hash(&object(&pairs)));
    }
    // Absent is not zero.
    let without_bytes = full().into_iter().filter(|pair| pair.0 != "bytes");
    hashes.push(content_hash(&object(&without_bytes.collect::<Vec<_>>())));
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn a_default_said_and_left_out_are_the_same_content() {
    let least = json!({"id": "1", "time": 946_684_800_000_u64, "supplier": SUPPLIER, "account": "a", "action": "view"});
    let mut said = least.clone();
    for (key, value) in [
        ("time", json!("2000-01-01T01:00:00+01:00")),
        ("dataset", json!("personnel")),
        ("outcome", json!("unknown")),
        ("account_kind", json!("a new word")),
        ("subjects", json!([])),
        ("role", json!(null)),
        ("unknown", json!({"a": [1]})),
    ] {
        said[key] = value;
    }
    let hash = |value: &Value| content_hash(value.to_string().as_bytes());
    assert_eq!(hash(&least), hash(&said));
}

/// Whether a document is JSON, as another crate sees it; nothing where that crate has limits of
/// its own.
fn is_json(text: &str) -> Option<bool> {
    let Err(error) = serde_json::from_str::<Value>(text) else {
        return Some(true);
    };
    let message = error.to_string();
    let is_limit = message.contains("out of range") || message.contains("recursion limit");
    (!is_limit).then_some(false)
}

fn agrees_with_another_crate(payload: &[u8]) -> Result<(), TestCaseError> {
    let batch = decode([payload]);
    let Verdict::Refused(Refusal { reject, .. }) = batch.get(0).1 else {
        prop_assert!(serde_json::from_slice::<Value>(payload).is_ok_and(|value| value.is_object()));
        return Ok(());
    };
    let Ok(text) = str::from_utf8(payload) else {
        prop_assert_eq!(reject, Reject::NotUtf8);
        return Ok(());
    };
    if let Some(is_json) = is_json(text) {
        prop_assert_eq!(reject == Reject::NotJson, !is_json, "{}", text);
    }
    Ok(())
}

/// Pieces of JSON that, put together at random, are often nearly right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[\\[\\]{},:\"\\\\ ]",
        3 => "\"[a-c]{0,2}\"",
        2 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
        1 => "[-+.eE0-9tfn]{1,3}",
        1 => Just("true".to_owned()),
        1 => Just("null".to_owned()),
        1 => "\"\\\\(u[0-9a-fDd]{4}|.)\"",
        1 => "\"\\\\u[dD][89abcdef0-3][0-9a-f]{2}\\\\u[dD][c-f0-8][0-9a-f]{2}\"",
    ]
}

proptest! {
    #[test]
    fn random_bytes_are_judged_as_another_crate_judges_them(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        agrees_with_another_crate(&bytes)?;
    }

    #[test]
    fn random_json_is_judged_as_another_crate_judges_it(
        pieces in proptest::collection::vec(piece(), 1..9),
        wrap in any::<bool>(),
    ) {
        let text = pieces.concat();
        let text = if wrap { format!("{{\"x\":{text}}}") } else { text };
        agrees_with_another_crate(text.as_bytes())?;
    }

    #[test]
    fn an_event_with_bytes_changed_is_judged_as_another_crate_judges_it(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..4),
    ) {
        let mut bytes = object(&full());
        for (place, byte, kind) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.remove(place)),
            }
        }
        agrees_with_another_crate(&bytes)?;
    }

    #[test]
    fn order_of_keys_and_unknown_fields_do_not_change_the_content(
        pairs in Just(full()).prop_shuffle(),
        unknown in "[a-z]{1,3}_[a-z]",
        at in any::<prop::sample::Index>(),
    ) {
        let mut pairs = pairs;
        pairs.insert(at.index(pairs.len() + 1), (unknown, "[{\"id\":null}]".to_owned()));
        prop_assert_eq!(content_hash(&object(&pairs)), content_hash(&object(&full())));
    }
}
