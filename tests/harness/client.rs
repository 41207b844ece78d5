//! A small HTTP client that treats no status as an error.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The timeout of a response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

type Connector = HttpsConnector<HttpConnector>;

/// A client of one base URL, with header fields for all requests.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    fields: Vec<(String, String)>,
    inner: legacy::Client<Connector, Full<Bytes>>,
}

/// A response with its whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The version of HTTP.
    pub version: http::Version,
}

impl Client {
    /// A client of `base`, as `http://127.0.0.1:3000`.
    pub fn new(base: &str) -> Self {
        Self::trusting(base, &[])
    }

    /// A client that trusts these certificates too.
    pub fn trusting(base: &str, certificates: &[CertificateDer<'static>]) -> Self {
        Self::build(base, certificates, None)
    }

    /// A client that connects from this address of the machine.
    pub fn at(base: &str, address: impl Into<IpAddr>) -> Self {
        Self::build(base, &[], Some(address.into()))
    }

    fn build(
        base: &str,
        certificates: &[CertificateDer<'static>],
        address: Option<IpAddr>,
    ) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.clone()).expect("a certificate");
        }
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_local_address(address);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let inner = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { base: base.trim_end_matches('/').to_owned(), fields: vec![], inner }
    }

    /// The same client with another header field for all requests.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.fields.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same client with an access token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    /// `GET` in a separate task.
    pub fn spawn_get(&self, path: impl Into<String>) -> JoinHandle<Answer> {
        let (client, path) = (self.clone(), path.into());
        tokio::spawn(async move { client.get(&path).await })
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, Bytes::new()).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.to_string().into()).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some("application/json"), body.to_string().into()).await
    }

    /// Any request.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Answer {
        let sent = self.try_send(method.clone(), path, content_type, body).await;
        sent.unwrap_or_else(|error| panic!("{method} {}{path}: {error:#}", self.base))
    }

    /// Any request. A missing response is an error.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let exchange = async {
            let response = self.stream(method, path, content_type, body).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            anyhow::Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body,
                version: parts.version,
            })
        };
        tokio::time::timeout(ANSWER_TIMEOUT, exchange).await?
    }

    /// Any request. Returns when the head of the response has arrived.
    pub async fn stream(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> anyhow::Result<http::Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.fields {
            request = request.header(name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Full::new(body))?;
        Ok(tokio::time::timeout(ANSWER_TIMEOUT, self.inner.request(request)).await??)
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header field as text, empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The response, if it has this status.
    ///
    /// # Panics
    /// If it has another status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The response as an RFC 9457 problem.
    ///
    /// # Panics
    /// If it is not a problem, or has another status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{problem}");
        problem
    }
}
