//! Signatures of artifacts, as `cosign` makes them with a key: a payload that names the digest of
//! the artifact, and its signature, under a tag that is derived from the digest.
//!
//! The signature is by ECDSA with the curve P-256 and SHA-256, which is what `cosign
//! generate-key-pair` uses.

use super::{Descriptor, digest_of};
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, alg_id::ECDSA_P256,
    alg_id::ECDSA_SHA256,
};
use serde::Deserialize;
use std::path::Path;

/// Maximum size of a payload.
pub(crate) const PAYLOAD_MAX_BYTES: usize = 64 * 1024;
/// Signatures of an artifact that are looked at.
const SIGNATURES_MAX: usize = 100;
/// The media type of payloads.
const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with the signature of a payload.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// What a payload says it is.
const KIND: &str = "cosign container image signature";
/// What precedes the point of a key with the curve P-256 (RFC 5480).
const KEY_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The length of an uncompressed point.
const POINT_BYTES: usize = 65;

/// A public key.
#[derive(Debug, Clone)]
pub(crate) struct VerifyKey {
    /// An uncompressed point.
    point: Vec<u8>,
    algorithm: &'static dyn SignatureVerificationAlgorithm,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    r#type: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// The tag of the signatures of an artifact.
pub(crate) fn signature_tag(digest: &str) -> String {
    format!("{}.sig", digest.replace(':', "-"))
}

/// The parts of an artifact of signatures that may be signatures.
pub(crate) fn signatures(layers: &[Descriptor]) -> impl Iterator<Item = &Descriptor> {
    layers.iter().filter(|layer| layer.media_type == MEDIA_TYPE).take(SIGNATURES_MAX)
}

impl VerifyKey {
    /// The key in a file, as `cosign generate-key-pair` writes it.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = super::user::read(path)?;
        let text = text.with_context(|| format!("there is no file {}", path.display()))?;
        Self::parse(&text).with_context(|| {
            format!(
                "{} is not a public key that signatures can be verified with: it must be one for \
                 ECDSA with the curve P-256, in PEM, such as `cosign.pub`",
                path.display()
            )
        })
    }

    fn parse(pem: &str) -> anyhow::Result<Self> {
        let key = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())?;
        let point = key.strip_prefix(&KEY_PREFIX).context("it is a key of another kind")?;
        ensure!(point.len() == POINT_BYTES, "it has the wrong length");
        let provider = rustls::crypto::ring::default_provider();
        let all = provider.signature_verification_algorithms.all;
        let is_it = |one: &&&'static dyn SignatureVerificationAlgorithm| {
            one.public_key_alg_id() == ECDSA_P256 && one.signature_alg_id() == ECDSA_SHA256
        };
        let algorithm = all.iter().find(is_it).context("the algorithm is not supported")?;
        Ok(Self { point: point.to_vec(), algorithm: *algorithm })
    }

    /// Checks one signature of an artifact. The error says why it is none.
    pub(crate) fn verify(
        &self,
        signature: &Descriptor,
        payload: &[u8],
        digest: &str,
    ) -> anyhow::Result<()> {
        ensure!(digest_of(payload) == signature.digest, "its payload has another digest");
        let text = signature.annotations.get(SIGNATURE).context("it has no signature")?;
        let bytes = BASE64_STANDARD.decode(text.trim()).ok().context("it is not valid Base64")?;
        if self.algorithm.verify_signature(&self.point, payload, &bytes).is_err() {
            bail!("it was made with another key, or its payload was changed");
        }
        let payload: Payload =
            serde_json::from_slice(payload).context("its payload is not one of `cosign`")?;
        let Critical { image, r#type } = payload.critical;
        ensure!(r#type == KIND, "its payload is not about an artifact");
        ensure!(image.digest == digest, "it is for another artifact, {}", image.digest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_right_kind_are_read() {
        let error = |text: &str| format!("{:#}", VerifyKey::parse(text).unwrap_err());
        assert!(!error("nothing").is_empty());
        let ed25519 = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
            -----END PUBLIC KEY-----\n";
        assert_eq!(error(ed25519), "it is a key of another kind");
    }

    #[test]
    fn the_tag_of_signatures_has_the_digest() {
        assert_eq!(signature_tag("sha256:ab"), "sha256-ab.sig");
    }
}
