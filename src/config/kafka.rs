//! How brokers are reached: addresses, encryption and login.

use std::{fs, path::PathBuf};

use super::read::Reader;
use crate::kafka::{Sasl, Settings, Tls};

/// Everything that a client needs to reach the brokers.
pub(super) fn settings(read: &mut Reader) -> Settings {
    if read.texts("kafka.brokers").is_empty() {
        read.refuse("kafka.brokers", "is empty; name a broker as host:port");
    }
    if !read.texts("kafka.brokers").iter().all(|it| is_address(it)) {
        read.refuse("kafka.brokers", "holds what is no address; write host:port");
    }
    let path = |text: Option<String>| text.map(PathBuf::from);
    let certificate = path(read.option("kafka.tls.certificate_file"));
    let key = path(read.option("kafka.tls.key_file"));
    if certificate.is_some() != key.is_some() {
        read.refuse(
            "kafka.tls.key_file",
            "goes with kafka.tls.certificate_file; name both",
        );
    }
    let tls = read.switch("kafka.tls.enabled").then(|| Tls {
        ca_file: path(read.option("kafka.tls.ca_file")),
        certificate: certificate.zip(key),
    });
    Settings {
        brokers: read.texts("kafka.brokers"),
        tls,
        sasl: sasl(read),
        properties: read.properties(),
    }
}

/// Whether it is a host and a port.
fn is_address(broker: &str) -> bool {
    let is_host = |host: &str| !host.is_empty() && !host.contains([' ', '\t', '/', ',']);
    let parts = broker.rsplit_once(':');
    parts
        .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn sasl(read: &mut Reader) -> Option<Sasl> {
    let mechanism = read.option("kafka.sasl.mechanism")?;
    if !["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].contains(&mechanism.as_str()) {
        read.refuse(
            "kafka.sasl.mechanism",
            "is not supported; write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
        );
    }
    let Some(username) = read.option("kafka.sasl.username") else {
        read.refuse("kafka.sasl.username", "is empty; name who logs in");
        return None;
    };
    let Some(file) = read.option("kafka.sasl.password_file") else {
        read.refuse(
            "kafka.sasl.password_file",
            "is empty; name the file with the password",
        );
        return None;
    };
    let Ok(password) = fs::read_to_string(file) else {
        read.refuse(
            "kafka.sasl.password_file",
            "cannot be read; check the path and its rights",
        );
        return None;
    };
    Some(Sasl {
        mechanism,
        username,
        password: password.trim_end_matches(['\r', '\n']).to_owned(),
    })
}
