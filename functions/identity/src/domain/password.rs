//! Passwords: what is accepted, and Argon2id.
//!
//! The parameters are OWASP's for machines with little memory: 19 MiB, two passes, one
//! lane. They travel in the PHC string, so raising them later needs no migration: a hash
//! made with older ones is replaced when its owner signs in.

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// Shortest password in characters.
pub const CHARS_MIN: usize = 8;
/// Longest password in bytes. A longer one is refused, never cut: a cut password would
/// accept others that begin alike.
pub const BYTES_MAX: usize = 128;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that no password has been asked to match. Comparing with it costs what a real
/// comparison costs, so that the time taken does not tell which accounts exist.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keSEh$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// May this be a password? Its content is nobody's business; only its length is.
pub fn is_acceptable(password: &str) -> bool {
    password.chars().count() >= CHARS_MIN && password.len() <= BYTES_MAX
}

/// The PHC string to store for a password. `None` if Argon2 refuses its parameters, which
/// are constants.
pub fn hash(password: &str, salt: &[u8; 16]) -> Option<String> {
    let salt = SaltString::encode_b64(salt).ok()?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Does the password match? `None` stands for an account that does not exist: the answer
/// is no, and takes as long.
pub fn verify(password: &str, stored: Option<&str>) -> bool {
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(NOBODY)) else { return false };
    let matches =
        argon2().is_some_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok());
    matches && stored.is_some()
}

/// Was the hash made with other parameters than today's?
pub fn is_outdated(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return true };
    let current = params();
    Params::try_from(&hash).ok().zip(current).is_none_or(|(made, current)| {
        (made.m_cost(), made.t_cost(), made.p_cost())
            != (current.m_cost(), current.t_cost(), current.p_cost())
    })
}

fn params() -> Option<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).ok()
}

fn argon2() -> Option<Argon2<'static>> {
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hash_is_a_phc_string_that_only_its_password_matches() {
        let stored = hash("correct horse", &[3; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse", Some(&stored)));
        assert!(!verify("correct horsE", Some(&stored)));
        assert!(!verify("correct horse", Some("not a hash")));
        assert!(!is_outdated(&stored));
    }

    #[test]
    fn nobody_has_a_hash_that_parses_and_a_password_that_never_matches() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!is_outdated(NOBODY), "comparing with it must cost what a real one costs");
        assert!(!verify("", None));
    }

    #[test]
    fn weaker_parameters_are_outdated() {
        let salt = SaltString::encode_b64(&[3; 16]).unwrap();
        let params = Params::new(1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(b"correct horse", &salt)
            .unwrap()
            .to_string();
        assert!(verify("correct horse", Some(&weak)));
        assert!(is_outdated(&weak));
    }

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        assert!(!is_acceptable("1234567"));
        assert!(is_acceptable("12345678"));
        assert!(is_acceptable("ääääääää"), "eight characters");
        assert!(is_acceptable(&"a".repeat(128)));
        assert!(!is_acceptable(&"a".repeat(129)));
        assert!(!is_acceptable(&"ä".repeat(65)), "130 bytes");
    }
}
