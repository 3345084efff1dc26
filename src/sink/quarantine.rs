//! The quarantine record of a refused record: where it lies, why, and its digest; never its text.

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::decode::Reject;

#[derive(Serialize)]
struct Wire<'a> {
    topic: &'a str,
    partition: i32,
    offset: u64,
    reason: &'static str,
    sha256: String,
}

/// One JSON object about a refused record.
///
/// # Panics
/// Never: strings and numbers always serialize.
#[expect(clippy::expect_used, reason = "strings and numbers always serialize")]
pub fn to_json(topic: &str, partition: i32, offset: u64, reject: Reject, payload: &[u8]) -> String {
    let wire = Wire {
        topic,
        partition,
        offset,
        reason: reject.as_str(),
        sha256: HEXLOWER.encode(&Sha256::digest(payload)),
    };
    serde_json::to_string(&wire).expect("strings and numbers serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_record_is_told_by_place_reason_and_digest() {
        assert_eq!(
            to_json("access.a", 3, 17, Reject::NotJson, b""),
            "{\"topic\":\"access.a\",\"partition\":3,\"offset\":17,\"reason\":\"not_json\",\
             \"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}"
        );
    }
}
