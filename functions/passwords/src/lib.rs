//! Argon2id hashes, and checks for weak passwords.
//!
//! The parameters are OWASP's for machines with little memory: 19 MiB, two passes, one
//! lane. They travel in the PHC string, so raising them later needs no migration: a hash
//! made with older ones is replaced when its owner signs in.
//!
//! It is a separate function so that the host can limit the number of concurrent hashes
//! (`concurrency_max` in the manifest): concurrent sign-ins wait for each other, but no other
//! request waits for them.
//!
//! The list of common passwords is taken from zxcvbn, under the MIT license: `data/common.LICENSE`
//! has its text and belongs to every copy of `data/common.txt`.

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

mod weakness;

#[cfg(target_family = "wasm")]
mod component;

pub use weakness::weakness;

/// Longest accepted password, in bytes. A longer one is refused, never truncated: a truncated
/// password would match others with the same beginning.
pub const PASSWORD_BYTES_MAX: usize = 128;
/// Bytes of randomness in a hash.
pub const SALT_BYTES: usize = 16;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that belongs to no account. Verifying against it takes as long as a real verification, so
/// the time does not reveal which accounts exist.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keSEh$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the password matches.
    pub matches: bool,
    /// Whether the hash was made with other than the current parameters.
    pub outdated: bool,
}

/// The PHC string to store for a password. `None` if it is too long, or if Argon2 refuses its
/// parameters, which are constants.
pub fn hash(password: &str, salt: &[u8; SALT_BYTES]) -> Option<String> {
    if password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    let salt = SaltString::encode_b64(salt).ok()?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Verifies a password. `None` stands for an account that does not exist: it never matches, and
/// takes the same time.
pub fn verify(password: &str, stored: Option<&str>) -> Verdict {
    let refused = Verdict { matches: false, outdated: false };
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(DUMMY_HASH)) else { return refused };
    let fits = password.len() <= PASSWORD_BYTES_MAX
        && argon2()
            .is_some_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok());
    let matches = fits && stored.is_some();
    Verdict { matches, outdated: matches && is_outdated(&hash) }
}

fn is_outdated(hash: &PasswordHash<'_>) -> bool {
    let made = Params::try_from(hash).ok();
    made.zip(params()).is_none_or(|(made, current)| {
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

    fn matches(password: &str, stored: Option<&str>) -> bool {
        verify(password, stored).matches
    }

    #[test]
    fn a_hash_is_a_phc_string_that_matches_only_its_password() {
        let stored = hash("correct horse", &[3; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let verdict = verify("correct horse", Some(&stored));
        assert_eq!(verdict, Verdict { matches: true, outdated: false });
        assert!(!matches("correct horsE", Some(&stored)));
        assert!(!matches("correct horse", Some("not a hash")));
    }

    #[test]
    fn the_hash_for_unknown_accounts_parses_and_never_matches() {
        let hash = PasswordHash::new(DUMMY_HASH).unwrap();
        assert!(!is_outdated(&hash), "comparing with it must cost what a real one costs");
        assert!(!matches("", None));
    }

    #[test]
    fn weaker_parameters_are_outdated() {
        let salt = SaltString::encode_b64(&[3; 16]).unwrap();
        let params = Params::new(1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(b"correct horse", &salt)
            .unwrap()
            .to_string();
        let verdict = verify("correct horse", Some(&weak));
        assert_eq!(verdict, Verdict { matches: true, outdated: true });
    }

    #[test]
    fn a_password_is_never_truncated() {
        let longest = "a".repeat(PASSWORD_BYTES_MAX);
        let stored = hash(&longest, &[3; 16]).unwrap();
        assert!(matches(&longest, Some(&stored)));
        assert!(!matches(&format!("{longest}a"), Some(&stored)));
        assert_eq!(hash(&format!("{longest}a"), &[3; 16]), None);
    }
}
