//! Signing keys.

use super::encoding::{array_from_base64url, base64url, sha256};
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};

/// An Ed25519 key as it is stored. Its seed is the secret that all trust hangs on: nothing
/// but [`KeyRecord::signer`] reads it, and no answer contains it.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyRecord {
    /// RFC 7638 thumbprint of the public key: two different keys never share a name.
    pub kid: String,
    /// The public key, 32 bytes in base64url.
    pub x: String,
    seed: String,
    /// Milliseconds since the Unix epoch.
    pub created_at_ms: u64,
}

/// All keys in force, newest first. Tokens are signed with the first.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct KeyRing {
    pub keys: Vec<KeyRecord>,
}

/// A key that can sign.
pub struct Signer {
    /// Goes into the header of what is signed.
    pub kid: String,
    key: SigningKey,
}

impl KeyRecord {
    /// The key that grows from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32], created_at_ms: u64) -> Self {
        let x = base64url(SigningKey::from_bytes(seed).verifying_key().as_bytes());
        Self { kid: thumbprint(&x), x, seed: base64url(seed), created_at_ms }
    }

    /// The key, ready to sign; `None` if the record was damaged.
    pub fn signer(&self) -> Option<Signer> {
        let key = SigningKey::from_bytes(&array_from_base64url(&self.seed)?);
        let intact = base64url(key.verifying_key().as_bytes()) == self.x;
        intact.then(|| Signer { kid: self.kid.clone(), key })
    }
}

impl Signer {
    /// The 64 bytes of the signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

/// RFC 7638 with the members of RFC 8037 section 2, in lexicographic order.
fn thumbprint(x: &str) -> String {
    base64url(&sha256(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_name_of_a_key_is_its_thumbprint() {
        // RFC 8037 appendix A.2 and A.3.
        let seed = array_from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let record = KeyRecord::from_seed(&seed, 0);
        assert_eq!(record.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(record.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_damaged_record_signs_nothing() {
        let mut record = KeyRecord::from_seed(&[1; 32], 0);
        assert!(record.signer().is_some());
        record.x = KeyRecord::from_seed(&[2; 32], 0).x;
        assert!(record.signer().is_none());
    }
}
