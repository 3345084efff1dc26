//! The configuration as its operator meets it: every problem at once, and nothing secret told.

use std::{path::Path, process::Command};

use rosterwatch::config::{Config, default_file};

fn parse(file: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Config::parse(file, "test.toml", environment.iter().map(own)).map_err(|all| all.to_string())
}

#[test]
fn the_file_of_defaults_is_what_the_program_defaults_to() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.toml");
    assert_eq!(std::fs::read_to_string(path).unwrap(), default_file());
    assert!(parse(&default_file(), &[]).is_ok());
    assert!(parse("", &[]).is_ok());
}

#[test]
fn what_would_go_on_without_a_login_or_encryption_is_refused() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let password = format!("password_file = {:?}\n", empty.path());
    let login = "[kafka.sasl]\nusername = \"me\"\n";
    for (file, told) in [
        (
            login.to_owned(),
            "kafka.sasl.mechanism (test.toml): is empty",
        ),
        (
            format!("{login}mechanism = \"PLAIN\"\n{password}"),
            "kafka.sasl.password_file (test.toml): names an empty file",
        ),
        (
            "[kafka.tls]\nca_file = \"ca.pem\"\n".to_owned(),
            "kafka.tls.enabled",
        ),
        (
            "[kafka]\ngroup = \"\"\n".to_owned(),
            "kafka.group (test.toml)",
        ),
    ] {
        let all = parse(&file, &[]).unwrap_err();
        assert!(all.starts_with(told), "{all}");
    }
}

#[test]
fn a_number_that_is_too_large_is_told_by_its_line() {
    let file = "[kafka]\nin_flight = 9223372036854775808\n";
    let told = parse(file, &[]).unwrap_err();
    assert!(
        told.starts_with("test.toml:2 (file): is a number past 64 bits"),
        "{told}"
    );
}

#[test]
fn every_problem_is_told_at_once_with_its_origin() {
    let file = r#"
colour = "blue"
[kafka]
brokers = []
start = "yesterday"
[kafka.properties]
"enable.auto.commit" = true
socket.send.buffer.bytes = 5
[detect]
lateness = "3h"
quiet = "1h"
[suppliers.Bad]
speed = 3
[suppliers.a]
topics = ["x"]
[suppliers.b]
topics = ["x"]
"#;
    let environment = [("ROSTERWATCH__LIMITS__ACCOUNTS", "many")];
    let told = parse(file, &environment).unwrap_err();
    let keys: Vec<_> = told
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "colour (test.toml)",
            "detect.quiet (test.toml)",
            "kafka.brokers (test.toml)",
            "kafka.properties.enable.auto.commit (test.toml)",
            "kafka.start (test.toml)",
            "limits.accounts (environment)",
            "suppliers.Bad (test.toml)",
            "suppliers.Bad.speed (test.toml)",
            "suppliers.b.topics (test.toml)",
        ],
        "{told}"
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let file = "[detect]\nlateness = \"2h\"\n";
    let config = parse(file, &[("ROSTERWATCH__DETECT__LATENESS", "30m")]).unwrap();
    assert_eq!(config.feed_of("any").lateness_ms, 1_800_000);
    let config = parse(file, &[]).unwrap();
    assert_eq!(config.feed_of("any").lateness_ms, 7_200_000);
}

#[test]
fn the_digest_tells_configurations_apart_and_nothing_secret() {
    let digest = |file: &str, environment: &[(&str, &str)]| {
        let page = parse(file, environment).unwrap().daemon().metrics.text();
        let line = page.lines().find(|line| line.contains("_config_info{"));
        line.unwrap().to_owned()
    };
    let property = |line: &str| digest(&format!("[kafka.properties]\n{line}\n"), &[]);
    let defaults = digest("", &[]);
    assert_eq!(defaults, digest(&default_file(), &[]));
    let file = digest("[detect]\nlateness = \"30m\"\n", &[]);
    assert_ne!(defaults, file);
    let environment = [("ROSTERWATCH__DETECT__LATENESS", "30m")];
    assert_eq!(
        file,
        digest("", &environment),
        "wherever a value comes from"
    );
    assert_ne!(
        property("socket.send.buffer.bytes = 5"),
        property("socket.send.buffer.bytes = 6")
    );
    assert_eq!(
        property("\"ssl.key.password\" = \"one\""),
        property("\"ssl.key.password\" = \"two\"")
    );
}

#[test]
fn what_kafka_would_refuse_is_told_before_it_is_asked() {
    let file = r#"
[kafka]
brokers = ["kafka-1:9092", "kafka 2"]
input = ["access log"]
[topics]
alerts = "."
state = "same"
quarantine = "same"
[suppliers.a]
topics = ["x/y"]
"#;
    let told = parse(file, &[]).unwrap_err();
    let keys: Vec<_> = told
        .lines()
        .map(|line| line.split(" (").next().unwrap())
        .collect();
    let expected = [
        "kafka.brokers",
        "kafka.input",
        "suppliers.a.topics",
        "topics.alerts",
        "topics.state",
    ];
    assert_eq!(keys, expected, "{told}");
    let own = parse("[kafka]\ninput = ['^rosterwatch.*']\n", &[]).unwrap_err();
    assert_eq!(own.matches("is read as an input too").count(), 3, "{own}");
    let bound = "[suppliers.a]\ntopics = ['rosterwatch.quarantine']\n";
    let bound = parse(bound, &[]).unwrap_err();
    assert!(bound.starts_with("topics.quarantine ("), "{bound}");
    let collide = parse("[topics]\nalerts = 'a.b'\nstate = 'a_b'\n", &[]).unwrap_err();
    assert!(collide.starts_with("topics.state ("), "{collide}");
}

#[test]
fn a_broker_is_a_host_and_a_port() {
    let told = |broker: &str| parse(&format!("[kafka]\nbrokers = ['{broker}']\n"), &[]);
    for right in [
        "kafka-1:9092",
        "10.0.0.7:1",
        "a_b.c:65535",
        "[::1]:9092",
        "[fe80::1%eth0]:9092",
    ] {
        assert!(told(right).is_ok(), "{right}");
    }
    for wrong in [
        "kafka-1",
        "kafka-1:",
        ":9092",
        "a:0",
        "a:65536",
        "a:+9092",
        "a b:9092",
        "a:9092,b:9092",
        "SSL://a:9092",
        "::1:9092",
        "[]:9092",
        "[::1:9092",
        "user@a:9092",
    ] {
        let told = told(wrong).unwrap_err();
        assert!(told.contains("is no address in place 1"), "{wrong}: {told}");
    }
}

#[test]
fn a_slip_in_the_file_is_told_with_its_line_and_without_its_text() {
    let told = parse("[kafka]\ngroup = \"a\"\nsecret = = 5\n", &[]).unwrap_err();
    assert!(
        told.starts_with("test.toml:3 (file): is not TOML"),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
}

#[test]
fn topics_belong_to_suppliers() {
    let file = "[suppliers.cards]\ntopics = [\"legacy\"]\npopulation = 47000\n";
    let config = parse(file, &[]).unwrap();
    assert_eq!(
        config.supplier_of("access.payroll").as_deref(),
        Some("payroll")
    );
    assert_eq!(config.supplier_of("legacy").as_deref(), Some("cards"));
    assert_eq!(config.supplier_of("rosterwatch.alerts"), None);
    assert_eq!(config.feed_of("cards").population, Some(47_000));
    assert_eq!(config.feed_of("payroll").population, None);
}

#[test]
fn a_file_that_is_no_toml_and_a_password_are_never_quoted() {
    let told = parse("password = hunter2", &[]).unwrap_err();
    assert!(!told.contains("hunter2"), "{told}");
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("password");
    std::fs::write(&secret, "hunter2\n").unwrap();
    let file = format!(
        "[kafka.sasl]\nmechanism = \"PLAIN\"\nusername = \"me\"\npassword_file = {:?}\n",
        secret.display().to_string()
    );
    let config = parse(&file, &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn check_config_and_run_end_with_the_configuration_code() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, "[kafka]\nstart = \"soon\"\n").unwrap();
    let file = file.to_str().unwrap();
    for args in [vec!["check-config", file], vec!["run", "--config", file]] {
        let output = Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
            .args(&args)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(78), "{args:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).starts_with("kafka.start ("),
            "{args:?}"
        );
    }
    let output = Command::new(env!("CARGO_BIN_EXE_rosterwatch"))
        .args(["check-config", "nowhere.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

macro_rules! suppress {
    ($more:literal) => {
        concat!(
            r#""supplier":"a","until":"2026-12-31","reason":"r","#,
            $more
        )
    };
}

macro_rules! job {
    ($wrong:literal) => {
        concat!("jobs = [{ ", $wrong, " }]")
    };
}

/// Declarations that are refused, each by the key that is at fault and a word of the remedy.
const REFUSED: [(&str, &str, &str); 19] = [
    ("timezone = \"Europe/Lodnon\"", "timezone", "Europe/London"),
    ("timezone = 1", "timezone", "no string"),
    ("holidays = [\"2026-02-30\"]", "holidays", "no date"),
    ("accounts = 3", "accounts", "no table"),
    ("accounts.x = 3", "accounts.x", "no table"),
    ("accounts.x.kind = \"robot\"", "accounts.x.kind", "service"),
    (
        "accounts.x.never_export = 1",
        "accounts.x.never_export",
        "no switch",
    ),
    ("accounts.x.colour = 1", "accounts.x.colour", "unknown"),
    ("jobs = 3", "jobs", "[[suppliers.name.jobs]]"),
    ("jobs = [3]", "jobs[0]", "[[suppliers.name.jobs]]"),
    (job!("account = \"\""), "jobs[0].account", "missing"),
    (
        job!("every = \"noon\""),
        "jobs[0].every",
        "last working day",
    ),
    (job!("every = \"month\""), "jobs[0].day", "missing"),
    (job!("every = \"month\", day = 32"), "jobs[0].day", "bounds"),
    (job!("day = 3"), "jobs[0].day", "remove it"),
    (job!("at = \"25:00\""), "jobs[0].at", "02:00"),
    (job!("within = \"13h\""), "jobs[0].within", "12h"),
    (job!("people_max = 0"), "jobs[0].people_max", "bounds"),
    (job!("action = \"login\""), "jobs[0].action", "reads"),
];

/// A job that is right but for what is said of it.
fn with_job(file: &str) -> String {
    let rest = [
        ("account", "\"x\""),
        ("every", "\"day\""),
        ("at", "\"02:00\""),
        ("people_max", "10"),
    ];
    let is_missing = |(key, _): &&(&str, &str)| !file.contains(&format!("{key} ="));
    let missing = rest.iter().filter(is_missing);
    let rest = missing.fold(String::new(), |rest, (key, value)| {
        format!("{rest}, {key} = {value}")
    });
    file.replace(" }]", &format!("{rest} }}]"))
}

#[test]
fn every_declaration_that_will_not_do_is_refused_by_its_key() {
    for (line, key, remedy) in REFUSED {
        let line = with_job(line);
        let told = parse(&format!("[suppliers.a]\n{line}\n"), &[]).unwrap_err();
        let head = format!("suppliers.a.{key} (test.toml): ");
        assert!(told.starts_with(&head), "{line}: {told}");
        assert!(told.contains(remedy), "{line}: {told}");
        assert_eq!(told.lines().count(), 1, "{line}: {told}");
    }
}

#[test]
fn an_export_job_of_who_is_never_to_export_is_refused() {
    let file = with_job(
        "[suppliers.a]\naccounts.x.never_export = true\njobs = [{ action = \"export\" }]\n",
    );
    let told = parse(&file, &[]).unwrap_err();
    assert!(told.starts_with("suppliers.a.jobs[0].action"), "{told}");
    let empty = parse("[suppliers.a]\njobs = [{}]\n", &[]).unwrap_err();
    let keys = ["account", "at", "every", "people_max"];
    let told: Vec<_> = empty
        .lines()
        .filter(|line| line.contains("is missing"))
        .collect();
    assert_eq!(told.len(), keys.len(), "{empty}");
    for (line, key) in told.iter().zip(keys) {
        assert!(line.contains(&format!("jobs[0].{key} ")), "{line}");
    }
}

#[test]
fn a_bad_line_of_a_file_of_verdicts_is_named_by_number_and_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("verdicts.ndjson");
    let good = r#"{"incident":"inc_a","verdict":"expected","at":"2026-06-02T00:00:00Z"}"#;
    std::fs::write(&file, format!("{good}\n{{}}\n")).unwrap();
    let file = file.display().to_string();
    let config = format!("[detect]\nverdicts = {file:?}\n");
    let told = parse(&config, &[]).unwrap_err();
    assert!(
        told.starts_with(&format!("detect.verdicts ({file}:2): is no JSON object")),
        "{told}"
    );
    let told = parse("[detect]\nverdicts = \"nowhere\"\n", &[]).unwrap_err();
    assert!(
        told.starts_with("detect.verdicts (test.toml): names a file that cannot be read"),
        "{told}"
    );
    let told = parse("", &[("ROSTERWATCH__DETECT__VERDICTS", &file)]).unwrap_err();
    assert!(
        told.starts_with("detect.verdicts (environment): comes from the file only"),
        "{told}"
    );
}

/// Suppressions that are refused, each with a word of the remedy.
const NO_SUPPRESSION: [(&str, &str); 11] = [
    (
        r#""until":"2026-12-31","reason":"r""#,
        "supplier is missing",
    ),
    (r#""supplier":"a","reason":"r""#, "until is missing"),
    (
        r#""supplier":"a","until":"2026-12-31""#,
        "reason is missing",
    ),
    (
        r#""supplier":"a","until":"soon","reason":"r""#,
        "2026-12-31",
    ),
    (suppress!(r#""colour":1"#), "colour is unknown"),
    (suppress!(r#""account":"""#), "account is no string"),
    (
        suppress!(r#""action":"login""#),
        "action is none that reads",
    ),
    (suppress!(r#""source_ip":7"#), "source_ip is no string"),
    (suppress!(r#""hours":"1-5""#), "01:00-05:00"),
    (suppress!(r#""hours":"05:00-05:00""#), "01:00-05:00"),
    (
        suppress!(r#""people_max":0"#),
        "people_max is no whole number",
    ),
];

#[test]
fn every_suppression_that_will_not_do_is_refused_by_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("suppressions");
    let path = file.display().to_string();
    let told = |text: &str, limit: u32| {
        std::fs::write(&file, text).unwrap();
        let config =
            format!("[detect]\nsuppressions = {path:?}\n[limits]\nsuppressions = {limit}\n");
        parse(&config, &[]).map(|_| ())
    };
    let good = suppress!(r#""people_max":30"#);
    for (bad, remedy) in NO_SUPPRESSION {
        let told = told(&format!("{{{good}}}\n{{{bad}}}\n"), 9).unwrap_err();
        let head = format!("detect.suppressions ({path}:2): ");
        assert!(told.starts_with(&head) && told.contains(remedy), "{told}");
    }
    assert_eq!(told(&format!("{{{good}}}\n"), 9), Ok(()));
    let table = "[[suppression]]\nsupplier = \"a\"\nuntil = 2026-12-31\nreason = \"r\"\n";
    assert_eq!(told(table, 9), Ok(()));
    let many = told(&table.repeat(2), 1).unwrap_err();
    assert!(many.contains("limits.suppressions"), "{many}");
    let second = format!("{table}{}", table.replace("reason", "why"));
    let second = told(&second, 9).unwrap_err();
    assert!(
        second.contains("suppression 2): why is unknown"),
        "{second}"
    );
    for text in ["password = hunter2", "[other]\nx = 1\n", "{ x }\n"] {
        let told = told(text, 9).unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// The blocks of the README that are configurations.
#[test]
fn the_example_of_the_readme_and_the_example_file_are_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let config = parse(block, &[]).unwrap_or_else(|told| panic!("{told}"));
        let declared = config.feed_of("payroll-services").declared;
        assert!(declared.account("pay.auditor").unwrap().never_exports);
        assert_eq!(
            declared.account("pay-integration-0890").unwrap().jobs.len(),
            1
        );
    }
    let example = std::fs::read_to_string(root.join("config/example.toml")).unwrap();
    parse(&example, &[]).unwrap();
}
