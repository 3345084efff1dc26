//! How brokers are reached: addresses, encryption and login.

use std::{fs, net::Ipv6Addr, path::PathBuf};

use super::read::Reader;
use crate::kafka::{Sasl, Settings, Tls};

/// Everything that a client needs to reach the brokers.
pub(super) fn settings(read: &mut Reader) -> Settings {
    let brokers = read.texts("kafka.brokers");
    if brokers.is_empty() {
        read.refuse("kafka.brokers", "is empty; name a broker as host:port");
    }
    for (place, broker) in brokers.iter().enumerate() {
        if !is_address(broker) {
            let remedy = format!("is no address in place {}; write host:port", place + 1);
            read.refuse("kafka.brokers", &remedy);
        }
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
    let ca_file = path(read.option("kafka.tls.ca_file"));
    let is_encrypted = read.switch("kafka.tls.enabled");
    if !is_encrypted && (ca_file.is_some() || certificate.is_some()) {
        read.refuse(
            "kafka.tls.enabled",
            "is false, and files for it are named; set it, or nothing is encrypted",
        );
    }
    let tls = is_encrypted.then(|| Tls {
        ca_file,
        certificate: certificate.zip(key),
    });
    Settings {
        brokers,
        tls,
        sasl: sasl(read),
        properties: read.properties(),
    }
}

/// Whether it is a host, or an address of IPv6 in brackets, and a port.
fn is_address(broker: &str) -> bool {
    let Some((host, port)) = broker.rsplit_once(':') else {
        return false;
    };
    let bracketed = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_host = if let Some(address) = bracketed {
        let zone = address.split_once('%');
        let address = zone.map_or(address, |(address, _)| address);
        address.parse::<Ipv6Addr>().is_ok()
    } else {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !host.is_empty() && host.bytes().all(is_legal)
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    is_host && is_number && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn sasl(read: &mut Reader) -> Option<Sasl> {
    let Some(mechanism) = read.option("kafka.sasl.mechanism") else {
        let of_login = ["kafka.sasl.username", "kafka.sasl.password_file"];
        if of_login.into_iter().any(|key| read.option(key).is_some()) {
            read.refuse(
                "kafka.sasl.mechanism",
                "is empty, and who logs in is named; write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, or \
                 nobody logs in",
            );
        }
        return None;
    };
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
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        read.refuse(
            "kafka.sasl.password_file",
            "names an empty file; write the password into it",
        );
        return None;
    }
    Some(Sasl {
        mechanism,
        username,
        password,
    })
}
