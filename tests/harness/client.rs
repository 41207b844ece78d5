//! A small HTTP client that hides nothing: every status and field is the test's to judge.

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

/// No answer takes longer, or the test is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

type Connector = HttpsConnector<HttpConnector>;

/// A client of one base URL, with fields that it sends each time.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    fields: Vec<(String, String)>,
    inner: legacy::Client<Connector, Full<Bytes>>,
}

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The protocol that it came by.
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

    /// The same client, sending this field each time.
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

    /// Anything.
    ///
    /// # Panics
    /// When there is no answer at all.
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

    /// Anything, for tests in which no answer is an answer.
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

    /// The head of an answer, with its body still to come.
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
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header field as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer, if it has this status.
    ///
    /// # Panics
    /// With the whole answer when it has another.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The RFC 9457 problem that this answer is.
    ///
    /// # Panics
    /// When it is none, or contradicts the answer's status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{problem}");
        problem
    }
}
