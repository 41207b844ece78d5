//! One request to a collector.

use super::settings::{Protocol, Target};
use super::{grpc, http as plain};
use crate::telemetry::otlp::{Field, Signal, fields};
use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// A longer body of a response counts as empty.
const RESPONSE_MAX_BYTES: usize = 64 * 1024;

/// What a collector says about a request that it has accepted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// Items that it has rejected nevertheless.
    pub(super) rejected: u64,
    /// Why, or a warning.
    pub(super) message: Option<String>,
}

/// Why a request failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether it may be repeated, and how long the collector asks to wait.
    pub(super) repeat: Option<Option<Duration>>,
}

impl Failure {
    /// A failure that may pass.
    pub(super) fn to_repeat(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), repeat: Some(None) }
    }
}

/// Sends requests over one connection.
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    signal: Signal,
    target: Target,
}

/// A response in full. The body is empty if the status says that the request failed, or if it could
/// not be read.
pub(super) struct Answer {
    pub(super) head: http::response::Parts,
    pub(super) body: Bytes,
    pub(super) trailers: http::HeaderMap,
    /// Whether its body was too long to be read, so that there are no trailers.
    pub(super) is_too_long: bool,
}

impl Transport {
    pub(super) fn new(signal: Signal, target: &Target) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(target.timeout));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(target)?).https_or_http();
        let is_grpc = target.protocol == Protocol::Grpc;
        let connector = match is_grpc {
            true => https.enable_http2().wrap_connector(connector),
            false => https.enable_all_versions().wrap_connector(connector),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .http2_only(is_grpc)
            .build(connector);
        Ok(Self { client, signal, target: target.clone() })
    }

    pub(super) async fn send(&self, body: Bytes) -> Result<Accepted, Failure> {
        let request = match self.target.protocol {
            Protocol::Grpc => grpc::request(self.signal, &self.target, &body),
            Protocol::HttpProtobuf => plain::request(&self.target, body),
        };
        let mut request =
            request.map_err(|error| Failure { reason: error.to_string(), repeat: None })?;
        let headers = request.headers_mut();
        let agent = concat!("tessera/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        for (name, value) in &self.target.headers {
            headers.append(name, value.clone());
        }
        let answer = self.answer(request).await.map_err(Failure::to_repeat)?;
        match self.target.protocol {
            Protocol::Grpc => grpc::judge(&answer),
            Protocol::HttpProtobuf => plain::judge(&answer),
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.client.request(request).await.map_err(|error| chain(&error))?;
        let (head, body): (_, Incoming) = response.into_parts();
        let is_success = head.status.is_success();
        let trailers = http::HeaderMap::new();
        let mut answer = Answer { head, body: Bytes::new(), trailers, is_too_long: false };
        if is_success {
            match Limited::new(body, RESPONSE_MAX_BYTES).collect().await {
                Ok(body) => {
                    answer.trailers = body.trailers().cloned().unwrap_or_default();
                    answer.body = body.to_bytes();
                }
                Err(error) => answer.is_too_long = error.is::<LengthLimitError>(),
            }
        }
        Ok(answer)
    }
}

/// The field `partial_success` of a response.
pub(super) fn accepted(response: &[u8]) -> Accepted {
    let mut accepted = Accepted::default();
    for (_, field) in fields(response).filter(|(number, _)| *number == 1) {
        let Field::Bytes(partial) = field else { continue };
        for field in fields(partial) {
            match field {
                (1, Field::Number(rejected)) => accepted.rejected = rejected,
                (2, Field::Bytes(text)) if !text.is_empty() => {
                    accepted.message = Some(String::from_utf8_lossy(text).into_owned());
                }
                _ => {}
            }
        }
    }
    accepted
}

/// Trusts public authorities and those of the operating system, or else exactly those in a file.
fn tls(target: &Target) -> anyhow::Result<ClientConfig> {
    let roots = match &target.certificate {
        Some(path) => {
            let shown = path.display();
            let read = || -> anyhow::Result<RootCertStore> {
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_file_iter(path)? {
                    roots.add(certificate?)?;
                }
                Ok(roots)
            };
            read().with_context(|| format!("the certificates of the collector in {shown}"))?
        }
        None => {
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
