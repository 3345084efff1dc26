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
fn every_problem_is_told_at_once_with_its_origin() {
    let file = r#"
colour = "blue"
[kafka]
brokers = []
start = "yesterday"
[kafka.properties]
"enable.auto.commit" = true
linger.ms = 5
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
    assert_ne!(property("linger.ms = 5"), property("linger.ms = 6"));
    assert_eq!(
        property("\"ssl.key.password\" = \"one\""),
        property("\"ssl.key.password\" = \"two\"")
    );
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
