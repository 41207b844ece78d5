//! TLS from a certificate chain and a key in PEM files.

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What a listener needs for TLS.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate that clients see, without its chain.
    pub(crate) certificate: CertificateDer<'static>,
}

/// An acceptor of TLS 1.2 and 1.3 (the library has no older versions and no weak ciphers) that
/// prefers HTTP/2.
pub(crate) fn identity(certificates: &Path, key: &Path) -> anyhow::Result<Identity> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect)
        .with_context(|| format!("--tls-cert: {} can't be read", certificates.display()))?;
    let certificate = chain.first().cloned().with_context(|| {
        format!(
            "--tls-cert: {} has no certificate in it (a line `-----BEGIN CERTIFICATE-----`)",
            certificates.display()
        )
    })?;
    let key_der = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("--tls-key: {} has no private key in it", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .context("the private key of --tls-key does not match the certificate of --tls-cert")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
}
