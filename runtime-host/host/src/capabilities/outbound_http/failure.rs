//! Why a request could not be sent: the error of `wasi:http`, which is that of stock Spin, and the
//! reason for the log, which a component can't see.

use super::trust::SelfSignedError;
use crate::message::BodyError;
use hyper_util::client::legacy::Error as ClientError;
use rustls::pki_types::InvalidDnsNameError;
use rustls::{CertificateError, OtherError};
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// A connection that could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("its name has no address ({0})")]
    Name(String),
    #[error("there was no connection within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the operator blocks its address {0} (`block_networks`)")]
    Blocked(IpAddr),
    #[error("there is no connection: {0}")]
    Tcp(String),
    #[error("TLS failed: {0}")]
    Tls(String),
}

impl ConnectError {
    /// A failure of everything after the TCP connection, or of that.
    pub(super) fn of_tls(error: Box<dyn Error + Send + Sync>) -> Self {
        match error.downcast::<Self>() {
            Ok(known) => *known,
            Err(other) if other.is::<InvalidDnsNameError>() => Self::Name(other.to_string()),
            Err(other) => Self::Tls(tls_reason(&*other)),
        }
    }

    /// A failure of the TCP connection.
    pub(super) fn of_tcp(error: &(dyn Error + 'static)) -> Self {
        match find::<ResolveError>(error) {
            Some(ResolveError::Blocked(address)) => Self::Blocked(*address),
            Some(ResolveError::Unknown(unknown)) => Self::Name(unknown.to_string()),
            None => Self::Tcp(find::<io::Error>(error).map_or_else(|| error.to_string(), describe)),
        }
    }

    fn code(&self) -> BodyError {
        match self {
            Self::Name(_) => BodyError::DnsError {
                rcode: Some("address not available".to_owned()),
                info_code: Some(0),
            },
            Self::Timeout(_) => BodyError::ConnectionTimeout,
            Self::Blocked(_) => BodyError::DestinationIpProhibited,
            Self::Tcp(_) => BodyError::ConnectionRefused,
            Self::Tls(_) => BodyError::TlsProtocolError,
        }
    }
}

/// A name that could not be resolved.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("{0}")]
    Unknown(io::Error),
    /// All of its addresses are blocked.
    #[error("{0} is blocked")]
    Blocked(IpAddr),
}

/// A request without a response.
pub(super) struct Failure {
    pub(super) code: BodyError,
    pub(super) reason: String,
}

impl From<&ClientError> for Failure {
    fn from(error: &ClientError) -> Self {
        if let Some(connect) = find::<ConnectError>(error) {
            return Self { code: connect.code(), reason: connect.to_string() };
        }
        let code = match find::<BodyError>(error) {
            // The body that the component sends.
            Some(BodyError::HttpRequestBodySize(size)) => BodyError::HttpRequestBodySize(*size),
            _ => BodyError::HttpProtocolError,
        };
        Self { code, reason: format!("the connection failed: {}", causes(error)) }
    }
}

/// The first cause of this type.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut chain = std::iter::successors(Some(error), |error| (**error).source());
    chain.find_map(|error| error.downcast_ref::<T>())
}

fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| (**error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

fn tls_reason(error: &(dyn Error + 'static)) -> String {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    match rustls_error(error) {
        Some(InvalidMessage(_)) => {
            "the server does not speak TLS on this port: use `http://`, or another port".to_owned()
        }
        Some(InvalidCertificate(problem)) => format!("its certificate {}", certificate(problem)),
        Some(other) => other.to_string(),
        None => causes(error),
    }
}

fn certificate(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "is issued by an authority that this host does not trust".to_owned()
        }
        CertificateError::Other(OtherError(other)) if other.is::<SelfSignedError>() => {
            "is self-signed, and this host does not trust it".to_owned()
        }
        _ => format!("is not valid: {problem}"),
    }
}

/// The error of TLS in an error of the connection, which has one inside of the other.
fn rustls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    rustls_error(inner)
}
