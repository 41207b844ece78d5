//! The signature of webhooks: `psp-signature: t=<unix seconds>,v1=<hex>`, where `v1` is HMAC-SHA256
//! over `<t>.<body>` with a shared secret.

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header of the signature.
pub const HEADER: &str = "psp-signature";

/// The header's value for a body that is sent at this time.
pub fn sign(secret: &str, unix_s: u64, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(unix_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={unix_s},v1={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_time_and_body() {
        // Computed with `printf '17.{}' | openssl dgst -sha256 -hmac key`.
        let expected = "t=17,v1=e66392eac42eafc68c35a01c712811e016386c12456975fc3af80c9268568e3a";
        assert_eq!(sign("key", 17, b"{}"), expected);
        assert_ne!(sign("key", 18, b"{}"), expected);
        assert_ne!(sign("key", 17, b"{ }"), expected);
        assert_ne!(sign("kez", 17, b"{}"), expected);
    }
}
