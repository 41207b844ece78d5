//! Artifacts that must have a signature.

use super::Source;
use crate::oci::{Descriptor, Manifest, PAYLOAD_MAX_BYTES, VerifyKey, signature_tag, signatures};
use anyhow::{Context as _, bail, ensure};
use std::fs;

impl Source<'_> {
    /// Fails unless one of the signatures of an artifact was made with the key.
    pub(super) async fn check_signature(
        &self,
        key: &VerifyKey,
        digest: &str,
    ) -> anyhow::Result<()> {
        let tag = signature_tag(digest);
        let unsigned = || {
            format!(
                "there is no signature of {digest}, which --verify-key asks for: sign it with \
                 `cosign sign --key`"
            )
        };
        let manifest = self.manifest(&tag).await.with_context(unsigned)?;
        let manifest = Manifest::parse(&manifest).with_context(unsigned)?;
        let mut reasons = Vec::new();
        for signature in signatures(&manifest.layers) {
            // Anyone who may push can add a broken one, which must not hide a good one.
            match self.check_one(key, signature, digest).await {
                Ok(()) => return Ok(()),
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        if reasons.is_empty() {
            bail!(unsigned());
        }
        bail!(
            "no signature of {digest} can be verified with the key of --verify-key: {}",
            reasons.join("; ")
        )
    }

    /// Fails unless one signature of an artifact was made with the key.
    async fn check_one(
        &self,
        key: &VerifyKey,
        signature: &Descriptor,
        digest: &str,
    ) -> anyhow::Result<()> {
        ensure!(
            signature.size <= PAYLOAD_MAX_BYTES as u64,
            "the payload of a signature has more than {PAYLOAD_MAX_BYTES} bytes"
        );
        let payload = fs::read(self.get(signature).await?)?;
        key.verify(signature, &payload, digest)
    }
}
