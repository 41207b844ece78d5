//! Which account somebody wants to sign in with, as far as counting attempts needs it.

use sha2::{Digest as _, Sha256};

/// A name for the account that a sign-in body is about: the same for every spelling of an
/// address, and no address. `None` if the body names none; its attempts are then counted
/// together.
pub fn of_body(body: &[u8], is_json: bool) -> Option<String> {
    let email = if is_json {
        let value: serde_json::Value = serde_json::from_slice(body).ok()?;
        value.get("email")?.as_str()?.to_owned()
    } else {
        let mut pairs = form_urlencoded::parse(body);
        pairs.find(|(name, _)| name == "email")?.1.into_owned()
    };
    let digest = Sha256::digest(email.trim().to_ascii_lowercase().as_bytes());
    Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_one_account() {
        let json = of_body(br#"{"email":" Ada@Example.org ","password":"x"}"#, true);
        assert!(json.is_some());
        assert_eq!(json, of_body(b"email=ada%40example.org&password=x", false));
        assert_ne!(json, of_body(b"email=eve%40example.org", false));
    }

    #[test]
    fn bodies_without_account_are_counted_together() {
        for body in [&b""[..], b"{", b"[]", br#"{"email":7}"#, br#"{"mail":"a"}"#] {
            assert_eq!(of_body(body, true), None);
        }
    }
}
