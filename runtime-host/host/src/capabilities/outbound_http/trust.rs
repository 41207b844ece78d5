//! Which certificates of servers are trusted: those of public authorities, and for requests of the
//! application to itself, exactly its own.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use std::sync::Arc;

/// Trusts public authorities, and those of the operating system.
pub(in crate::capabilities) fn public() -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    config(Trusted::Issuers(verifier.build()?))
}

/// Trusts one certificate, for whichever name.
pub(super) fn only(certificate: CertificateDer<'static>) -> anyhow::Result<ClientConfig> {
    config(Trusted::Only(certificate))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn config(trusted: Trusted) -> anyhow::Result<ClientConfig> {
    let provider = provider();
    let config = ClientConfig::builder_with_provider(provider.clone());
    let config = config.with_safe_default_protocol_versions()?.dangerous();
    let verifier = Arc::new(Verifier { trusted, provider });
    Ok(config.with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// A certificate that is its own issuer.
#[derive(Debug, thiserror::Error)]
#[error("it is self-signed")]
pub(super) struct SelfSignedError;

/// Verifies certificates. For issuers it does what rustls does, and also finds out whether a
/// certificate without a known issuer is self-signed: the log can then say so.
#[derive(Debug)]
struct Verifier {
    trusted: Trusted,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trusted {
    Issuers(Arc<WebPkiServerVerifier>),
    Only(CertificateDer<'static>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Trusted::Issuers(issuers) => issuers
                .verify_server_cert(end_entity, intermediates, name, ocsp, now)
                .map_err(|error| explain(error, end_entity)),
            Trusted::Only(certificate) if certificate == end_entity => {
                Ok(ServerCertVerified::assertion())
            }
            Trusted::Only(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn explain(error: Error, certificate: &CertificateDer<'_>) -> Error {
    match &error {
        Error::InvalidCertificate(problem) if is_self_signed(problem, certificate) => {
            CertificateError::Other(OtherError(Arc::new(SelfSignedError))).into()
        }
        _ => error,
    }
}

/// Whether a refused certificate is its own issuer. As one of an authority, it can't be a server's,
/// and the verifier says only that.
fn is_self_signed(problem: &CertificateError, certificate: &CertificateDer<'_>) -> bool {
    match problem {
        CertificateError::UnknownIssuer => webpki::EndEntityCert::try_from(certificate)
            .is_ok_and(|certificate| certificate.issuer() == certificate.subject()),
        CertificateError::Other(OtherError(other)) => {
            matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}
