//! HTTP/1.1 between the processes: one pooled client with connections that stay open and don't
//! wait to fill segments.

use crate::registry;
use axum::body::Body;
use bytes::Bytes;
use chassis::http::{ANSWER_BYTES_MAX, Outbound, OutboundError};
use chassis::rpc::{CallError, Outcome, TIMEOUT_MS};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::LazyLock;
use std::time::Duration;

/// Where a function is found inside the application.
const INTERNAL: &str = ".spin.internal";

static CLIENT: LazyLock<Client<HttpConnector, Body>> = LazyLock::new(|| {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
});

/// The client as a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpinOutbound;

impl Outbound for SpinOutbound {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        send(request, timeout_ms).await
    }
}

/// Send and read the whole answer, within so many milliseconds.
///
/// # Errors
/// As the variants of [`OutboundError`] say.
pub async fn send(
    request: Request<Bytes>,
    timeout_ms: u64,
) -> Result<Response<Bytes>, OutboundError> {
    let work = async {
        let response = exchange(request.map(Body::from)).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| OutboundError::Broken(error.to_string()))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    within(timeout_ms, work).await
}

/// Pass a request on, both bodies streaming.
///
/// # Errors
/// As the variants of [`OutboundError`] say.
pub async fn forward(
    request: Request<Body>,
    timeout_ms: u64,
) -> Result<Response<Body>, OutboundError> {
    let response = within(timeout_ms, exchange(request)).await?;
    Ok(response.map(Body::new))
}

async fn exchange(
    mut request: Request<Body>,
) -> Result<Response<hyper::body::Incoming>, OutboundError> {
    *request.uri_mut() = located(request.uri())?;
    request.headers_mut().remove(header::HOST);
    CLIENT.request(request).await.map_err(|error| {
        if error.is_connect() {
            OutboundError::Connect(error.to_string())
        } else {
            OutboundError::Broken(format!("{error:?}"))
        }
    })
}

/// `http://<name>.spin.internal/…` with the address of the process of that name.
fn located(uri: &Uri) -> Result<Uri, OutboundError> {
    let Some(name) = uri.host().and_then(|host| host.strip_suffix(INTERNAL)) else {
        return Ok(uri.clone());
    };
    let unknown = || OutboundError::Connect(format!("nobody is `{name}`"));
    let address = registry::address(name).ok_or_else(unknown)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = address.to_string();
    let uri = Uri::builder().scheme("http").authority(authority).path_and_query(path);
    uri.build().map_err(|error| OutboundError::Connect(error.to_string()))
}

async fn within<T>(
    timeout_ms: u64,
    work: impl Future<Output = Result<T, OutboundError>>,
) -> Result<T, OutboundError> {
    let answer = tokio::time::timeout(Duration::from_millis(timeout_ms), work).await;
    answer.unwrap_or(Err(OutboundError::Timeout(timeout_ms)))
}

/// Call a function of another process: its arguments and its result as JSON.
///
/// # Errors
/// When the call did not come to its end.
pub async fn call<A: Serialize, T: DeserializeOwned, E: DeserializeOwned>(
    component: &str,
    interface: &str,
    function: &str,
    arguments: &A,
) -> Result<Result<T, E>, CallError> {
    let not_sent = |reason: String| CallError::NotSent { component: component.to_owned(), reason };
    let lost = |reason: String| CallError::Lost { component: component.to_owned(), reason };
    let uri = format!("http://{component}{INTERNAL}/rpc/{interface}/{function}");
    let body = serde_json::to_vec(arguments).map_err(|error| not_sent(error.to_string()))?;
    let request = Request::post(uri)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Bytes::from(body))
        .map_err(|error| not_sent(error.to_string()))?;
    let response = send(request, TIMEOUT_MS).await.map_err(|error| match error {
        error if error.not_sent() => not_sent(error.to_string()),
        error => lost(error.to_string()),
    })?;
    let status = response.status();
    if status.is_client_error() {
        return Err(not_sent(format!("it answered {status}")));
    }
    if !status.is_success() {
        return Err(lost(format!("it answered {status}")));
    }
    match serde_json::from_slice(response.body()) {
        Ok(Outcome::Ok(value)) => Ok(Ok(value)),
        Ok(Outcome::Err(error)) => Ok(Err(error)),
        Err(error) => Err(lost(error.to_string())),
    }
}
