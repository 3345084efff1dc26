//! `score` as a person calls it.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

const LABELS: &str = r#"{"schema":"rosterwatch.labels/1","seed":1,
"from":"2026-06-01T00:00:00Z","to":"2026-06-29T00:00:00Z",
"account_days":{"acme":{"person":2000}},"benign":[],
"attacks":[
{"id":"a-1","supplier":"acme","accounts":["thief"],"account_kind":"person","history_days":20,
"usual_day_records":9,"family":"scrape_fast","kinds":["enumeration"],
"steps":[{"time":"2026-06-20T10:00:00Z","subjects_total":400,"records_total":400}]},
{"id":"a-2","supplier":"acme","accounts":["other"],"account_kind":"person","history_days":3,
"usual_day_records":100,"family":"one_shot_export","kinds":["bulk_export"],
"steps":[{"time":"2026-06-21T10:00:00Z","subjects_total":60,"records_total":500}]}]}"#;

const ALERT: &str = r#"{"schema":"rosterwatch.alert/1","incident":"i1","revision":22,"supplier":"acme",
"account":"thief","account_kind":"person","raised_at":"2026-06-20T10:00:00Z"}"#;

fn score(dir: &Path, flags: &[&str]) -> (Option<i32>, String, String) {
    fs::write(dir.join("labels.json"), LABELS).unwrap();
    fs::write(dir.join("alerts.ndjson"), ALERT.replace('\n', "")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
        .args([
            "score",
            "--labels",
            "labels.json",
            "--alerts",
            "alerts.ndjson",
        ])
        .args(flags)
        .current_dir(dir)
        .output()
        .unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), out, err)
}

#[test]
fn filters_choose_the_attacks_that_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    for (flags, attacks, found) in [
        (&[][..], 2, 1),
        (&["--family", "scrape_fast,one_shot_export"], 2, 1),
        (&["--family", "one_shot_export"], 1, 0),
        (&["--min-people", "300"], 1, 1),
        (&["--min-history-days", "14"], 1, 1),
        (&["--min-times-usual", "5"], 2, 1),
        (&["--min-times-usual", "5.1"], 1, 1),
    ] {
        let (code, out, err) = score(dir.path(), &[flags, &["--json"]].concat());
        assert_eq!(code, Some(0), "{err}");
        let told: Value = serde_json::from_str(&out).unwrap();
        let counted = (&told["all"]["attacks"], &told["all"]["found"]);
        assert_eq!(counted, (&attacks.into(), &found.into()), "{flags:?}");
        assert_eq!(told["attacks_left_out"], 2 - attacks, "{flags:?}");
        assert_eq!(told["false_incidents"]["after"]["all"]["incidents"], 0);
    }
    let (_, table, _) = score(dir.path(), &["--min-people", "300"]);
    assert!(table.contains("1 attacks not counted"), "{table}");
}

#[test]
fn a_family_that_the_labels_do_not_have_is_named_with_those_that_they_have() {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = score(dir.path(), &["--family", "scrape_slow"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("--family scrape_slow"), "{err}");
    assert!(err.contains("one_shot_export, scrape_fast"), "{err}");
}
