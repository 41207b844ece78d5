//! The HTTP client for requests that leave the process: pooled connections, TLS.

use crate::message::{Body, BodyError, Request, Response};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// Idle connections that are kept to each host.
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 64;
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One client for the whole process: connections are shared by all components.
pub(crate) struct Client(legacy::Client<HttpsConnector<HttpConnector>, Body>);

impl Client {
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let tls = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(tls);
        Self(client)
    }

    /// Sends a request with an absolute URI. Ends with the head of the answer.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, BodyError> {
        // The client derives it from the URI, in the form that the connection needs.
        request.headers_mut().remove(http::header::HOST);
        let response = self.0.request(request).await.map_err(|error| body_error(&error))?;
        Ok(response.map(|body| body.map_err(BodyError::from).boxed_unsync()))
    }
}

fn body_error(error: &ClientError) -> BodyError {
    if !error.is_connect() {
        return BodyError::ConnectionTerminated;
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::ConnectionRefused => BodyError::ConnectionRefused,
                std::io::ErrorKind::TimedOut => BodyError::ConnectionTimeout,
                std::io::ErrorKind::InvalidData => BodyError::TlsCertificateError,
                _ => BodyError::DestinationUnavailable,
            };
        }
        source = cause.source();
    }
    BodyError::DnsError { rcode: None, info_code: None }
}
