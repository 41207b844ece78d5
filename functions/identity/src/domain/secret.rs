//! Secrets of tokens, and the primitives that they need.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 256;

/// The parts of a token, separated by dots; `None` if it is too long or has another number of
/// parts.
pub fn parts<const N: usize>(token: &str) -> Option<[&str; N]> {
    let is_short = token.len() <= TOKEN_BYTES_MAX;
    is_short.then(|| token.split('.').collect::<Vec<_>>()).and_then(|parts| parts.try_into().ok())
}

/// The random part of a token. Only its hash is stored, so that a leaked store reveals no token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// Parses the canonical spelling; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        array_from_base64url(text).map(Self)
    }

    /// The hash to store.
    pub fn hash(&self) -> String {
        base64url(&sha256(&self.0))
    }

    /// Whether this is the hash of the secret.
    pub fn has_hash(&self, hash: &str) -> bool {
        equal(self.hash().as_bytes(), hash.as_bytes())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url(&self.0))
    }
}

/// base64url without padding (RFC 4648 section 5).
pub fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The bytes of canonical base64url without padding, if this is their number. A secret has exactly
/// one spelling.
pub fn array_from_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA-256 over parts that are each preceded by their length: `("ab", "c")` and
/// `("a", "bc")` differ.
pub fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a key to the block of its hash with zeros (RFC 2104 section 2).
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether the two are equal, in a time that does not depend on their content.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_mac_do_not_run_into_each_other() {
        assert_ne!(hmac(&[7; 32], &[b"ab", b"c"]), hmac(&[7; 32], &[b"a", b"bc"]));
        // HMAC-SHA-256 of the empty message under 32 zero bytes is that under no key.
        let empty = "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0";
        assert_eq!(base64url(&hmac(&[0; 32], &[])), empty);
    }

    #[test]
    fn only_canonical_base64url_is_read() {
        assert_eq!(array_from_base64url("AQ"), Some([1]));
        for other in ["AR", "AQ==", "A", "A+", "A/", " AQ"] {
            assert_eq!(array_from_base64url::<1>(other), None, "{other}");
        }
    }
}
