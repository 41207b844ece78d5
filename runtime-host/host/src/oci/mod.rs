//! Registries of OCI artifacts: what is in a repository, how the host may read it, and how it is
//! written.
//!
//! This is the part of the [distribution
//! specification](https://github.com/opencontainers/distribution-spec) that a client of WebAssembly
//! packages and Spin applications needs. Which registry and repository a name means is decided elsewhere.

mod authorization;
mod credentials;
mod error;
mod helper;
mod login;
mod manifest;
mod reference;
mod repository;
mod session;
mod signature;
mod upload;
pub(crate) mod user;

pub(crate) use credentials::Credentials;
pub(crate) use error::Error;
pub(crate) use login::{check_login, registry_of};
pub(crate) use manifest::{APPLICATION_CONFIG, Descriptor, MEDIA_TYPE, Manifest, PACKAGE_CONFIG};
pub(crate) use reference::Reference;
pub(crate) use repository::{Access, Address, Protocol, Repository};
pub(crate) use signature::{PAYLOAD_MAX_BYTES, VerifyKey, signature_tag, signatures};

use sha2::{Digest as _, Sha256};

/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// The digest of these bytes, as in manifests: `sha256:` and hexadecimal digits.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{hex}")
}

/// Whether a text is a digest as [`digest_of`] makes them.
pub(crate) fn is_digest(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let hex = text.strip_prefix("sha256:");
    hex.is_some_and(|hex| hex.len() == SHA256_DIGITS && hex.chars().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digests_of_sha_256_are_digests() {
        let digest = digest_of(b"code");
        assert!(is_digest(&digest));
        let wrong = ["", "sha256:", "sha512:00", &digest.to_uppercase(), &format!("{digest}0")];
        for text in wrong {
            assert!(!is_digest(text), "{text}");
        }
    }
}
