//! The operator's listener: health, metrics, components and recent traces.
//!
//! It is apart from the application's, so that it answers when the application does not,
//! and so that nothing here is ever public by mistake.

use crate::registry::Registry;
use crate::telemetry::Telemetry;
use anyhow::Context as _;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// What can be seen here.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) registry: Arc<Registry>,
}

/// Take the address, before anything else starts.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("can't listen on {address} for metrics: choose another --admin-listen")
    })
}

/// Serve until the application stops.
pub(crate) async fn serve(
    listener: TcpListener,
    observed: Observed,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else { continue };
        let observed = observed.clone();
        tokio::spawn(async move {
            let _place = place;
            let answer = service_fn(move |request| {
                let answer = answer(&request, &observed);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(socket), answer);
            if let Err(error) = connection.await {
                tracing::debug!("admin connection ended: {error}");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, observed: &Observed) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !["/livez", "/metrics", "/traces", "/components"].contains(&path) {
        let paths = "/livez, /metrics, /traces?trace_id=…, /components\n";
        return text(StatusCode::NOT_FOUND, "text/plain", paths);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET only\n");
        response.headers_mut().insert(ALLOW, http::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/livez" => text(StatusCode::OK, "text/plain", "ok\n"),
        "/metrics" => metrics(observed),
        "/traces" => traces(request, observed),
        _ => components(observed),
    }
}

fn metrics(observed: &Observed) -> Response<Full<Bytes>> {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match observed.telemetry.metrics.encode() {
        Ok(metrics) => text(StatusCode::OK, OPEN_METRICS, metrics),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{error}\n")),
    }
}

fn traces(request: &Request<Incoming>, observed: &Observed) -> Response<Full<Bytes>> {
    let query = request.uri().query().unwrap_or_default();
    let trace_id = query.split('&').find_map(|pair| pair.strip_prefix("trace_id="));
    let spans = observed.telemetry.recent.of(trace_id);
    text(StatusCode::OK, "application/json", json!({ "spans": spans }).to_string())
}

fn components(observed: &Observed) -> Response<Full<Bytes>> {
    let all: Vec<_> = observed
        .registry
        .all()
        .iter()
        .map(|slot| {
            json!({
                "id": slot.gate.component,
                "running": slot.gate.bulkhead.running(),
                "queued": slot.gate.bulkhead.queued(),
                "concurrency_max": slot.gate.limits.concurrency_max,
            })
        })
        .collect();
    text(StatusCode::OK, "application/json", json!({ "components": all }).to_string())
}

fn text(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}
