//! Signatures that artifacts of registries must have.

use crate::oci::VerifyKey;
use clap::Args;
use std::path::PathBuf;

/// Signatures that artifacts of registries must have.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Refuse an artifact of a registry without a signature of `cosign` that this public key
    /// verifies. The file has a key for ECDSA with the curve P-256, in PEM, such as `cosign.pub`.
    #[arg(long, value_name = "FILE")]
    verify_key: Option<PathBuf>,
}

impl Verify {
    /// The key; none if signatures are not needed.
    pub(super) fn key(&self) -> anyhow::Result<Option<VerifyKey>> {
        self.verify_key.as_deref().map(VerifyKey::read).transpose()
    }
}
