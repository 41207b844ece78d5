//! The certificate authority of a connection, and the builder that takes it.

use crate::capabilities::handles::OpenHandle;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;

/// The size of a bundle of certificates, in bytes.
const CA_ROOT_MAX_BYTES: usize = 256 << 10;

/// A bundle of root certificates.
#[derive(Clone)]
pub(super) struct CaRoot {
    pub(super) pem: Arc<str>,
    pub(super) certificates: Arc<[CertificateDer<'static>]>,
}

/// An address that is not complete yet.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct ConnectionBuilder {
    pub(super) address: String,
    pub(super) ca_root: Option<CaRoot>,
    pub(super) _open: OpenHandle,
}

impl CaRoot {
    /// Reads a bundle. The error is text for the guest.
    pub(super) fn parse(pem: &str) -> Result<Self, String> {
        if pem.len() > CA_ROOT_MAX_BYTES {
            return Err(format!("it has more than {CA_ROOT_MAX_BYTES} bytes"));
        }
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        let certificates = certificates.collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| error.to_string())?;
        if certificates.is_empty() {
            return Err("it has no certificate in PEM form".into());
        }
        Ok(Self { pem: pem.into(), certificates: certificates.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"] {
            assert!(CaRoot::parse(text).is_err(), "{text}");
        }
    }
}
