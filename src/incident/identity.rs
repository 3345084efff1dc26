//! What an incident is called: a name that comes from what happened alone.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

/// Characters of the digest in an id (contract §2): 130 bits.
const ID_CHARACTERS: usize = 26;

/// The id of the incident of `who` (the account, or where it is null the kind) at `supplier` whose
/// earliest crossing pane lies in the UTC day `day` since 1970.
///
/// The day is hashed as its decimal digits; every part is preceded by its length as 64 bits, big
/// end first.
pub(super) fn incident_id(supplier: &str, who: &str, day: u32) -> String {
    let mut hash = Sha256::new();
    for part in [supplier, who, &day.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = BASE32_NOPAD.encode(&hash.finalize()).to_ascii_lowercase();
    format!("inc_{}", &digest[..ID_CHARACTERS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_and_parts_do_not_run_together() {
        let id = incident_id("idcards-ltd", "idc-clerk-07", 20_780);
        assert_eq!(id.len(), 30);
        assert_eq!(id, incident_id("idcards-ltd", "idc-clerk-07", 20_780));
        assert_ne!(incident_id("ab", "c", 1), incident_id("a", "bc", 1));
        assert_ne!(incident_id("a", "b", 1), incident_id("a", "b", 2));
    }
}
