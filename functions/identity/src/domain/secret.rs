//! The three primitives that every secret of this function goes through.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// base64url without padding (RFC 4648 section 5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of canonical base64url without padding; `None` for anything else, so that one
/// secret has exactly one spelling.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// [`from_base64url`] where the length is known.
pub fn array_from_base64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_base64url(text)?.try_into().ok()
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

/// Are the two equal? Takes the same time wherever they differ.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let difference = left.iter().zip(right).fold(0u8, |seen, (l, r)| seen | (l ^ r));
    core::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_mac_do_not_run_into_each_other() {
        let key = [7; 32];
        assert_ne!(hmac(&key, &[b"ab", b"c"]), hmac(&key, &[b"a", b"bc"]));
        assert_eq!(hmac(&key, &[b"ab", b"c"]), hmac(&key, &[b"ab", b"c"]));
    }

    #[test]
    fn a_mac_is_that_of_rfc_2104() {
        // HMAC-SHA-256 of the empty message under 32 zero bytes is that under no key.
        let empty = "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0";
        assert_eq!(base64url(&hmac(&[0; 32], &[])), empty);
    }

    #[test]
    fn only_canonical_base64url_is_read() {
        assert_eq!(from_base64url("AQ"), Some(vec![1]));
        for other in ["AR", "AQ==", "A", "A+", "A/", " AQ"] {
            assert_eq!(from_base64url(other), None, "{other}");
        }
    }

    #[test]
    fn equality_sees_every_byte_and_the_length() {
        assert!(equal(b"secret", b"secret"));
        assert!(!equal(b"secret", b"secreT"));
        assert!(!equal(b"secret", b"secret "));
    }
}
