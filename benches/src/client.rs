//! An HTTP client for single requests: to see whether something is up, to prepare it, and where a
//! row times each call by itself.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Connections are kept for the next request and send without delay.
pub(crate) type Pooled = Client<HttpConnector, Full<Bytes>>;

/// A client with connections of its own.
pub(crate) fn pooled() -> Pooled {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// One request on a new connection: the body of the answer, an error for a status from 400.
pub(crate) async fn get(url: &str) -> Result<Bytes> {
    send(&pooled(), Method::GET, url, Bytes::new()).await
}

/// One request: the body of the answer, an error for a status from 400.
pub(crate) async fn send(client: &Pooled, method: Method, url: &str, body: Bytes) -> Result<Bytes> {
    let request = Request::builder().method(method).uri(url).body(Full::new(body))?;
    let answer = client.request(request).await.with_context(|| url.to_owned())?;
    let status = answer.status();
    let body = answer.into_body().collect().await.with_context(|| url.to_owned())?.to_bytes();
    ensure!(status.as_u16() < 400, "{url} answers {status}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}
