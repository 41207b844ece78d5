//! Base64url as JOSE writes it (RFC 7515): no padding, and only the canonical spelling, so
//! that one token has one text.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The bytes, or `None` for padding, other alphabets, and stray bits in the last character.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    (URL_SAFE_NO_PAD.encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn only_the_canonical_spelling_is_read() {
        assert_eq!(decode("TQ"), Some(b"M".to_vec()));
        for text in ["TR", "TQ==", "T", "T Q", "+/==", "TQ\n"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
