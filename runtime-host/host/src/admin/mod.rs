//! The operator's listener: health, metrics, components, recent traces, and the event log.
//!
//! It is apart from the application's, so that it answers when the application does not,
//! and so that nothing here is ever public by mistake. Figures are for everybody who reaches it;
//! what changes something, and what may have data of persons in it, needs the token that lies in
//! the state directory.

mod events;
#[cfg(feature = "fault-points")]
mod fault_points;
mod named_host;
mod reply;
mod token;
mod views;

pub(crate) use token::Token;

use crate::registry::Registry;
use crate::telemetry::Telemetry;
use anyhow::Context as _;
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use reply::Reply;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tessera_events::Log;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after the operating system has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What can be seen here.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) registry: Arc<Registry>,
    /// None if the application has nothing to do with events.
    pub(crate) events: Option<Arc<dyn Log>>,
}

/// Take the address, before anything else starts.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("can't listen on {address} for metrics: choose another --admin-listen")
    })
}

/// Serve until the task is ended: who stops an application wants to see how far that is.
pub(crate) async fn serve(listener: TcpListener, observed: Observed, token: Token) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!("an admin connection could not be accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (observed, token) = (observed.clone(), token.clone());
        tokio::spawn(async move {
            let _place = place;
            let answer = service_fn(|request| {
                let answer = answer(request, &observed, &token);
                async move { Ok::<_, Infallible>(answer.await) }
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

async fn answer(request: Request<Incoming>, observed: &Observed, token: &Token) -> Reply {
    if !named_host::is_address(&request) {
        return reply::named_host();
    }
    let uri = request.uri().clone();
    let path: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let methods: &[Method] = match path.as_slice() {
        [
            "livez" | "metrics" | "traces" | "components" | "subscriptions" | "dead-letters"
            | "events",
        ] => &[Method::GET, Method::HEAD],
        ["dead-letters" | "subscriptions", _, "replay"] => &[Method::POST],
        #[cfg(feature = "fault-points")]
        ["fault-points"] => &[Method::GET, Method::PUT],
        _ => return reply::nothing_here(),
    };
    if !methods.contains(request.method()) {
        return reply::method_not_allowed(methods);
    }
    // Events and dead letters carry what they are about, traces who asked for what.
    let private = matches!(path.as_slice(), ["events" | "dead-letters" | "traces", ..]);
    let changes = request.method() == Method::POST;
    if (private || changes) && !token.is_in(request.headers()) {
        return reply::unauthorized();
    }
    #[cfg(feature = "fault-points")]
    if path == ["fault-points"] {
        return fault_points::answer(request).await;
    }
    let query = uri.query().unwrap_or_default();
    match path.as_slice() {
        ["livez"] => reply::text("text/plain", "ok\n"),
        ["metrics"] => views::metrics(observed).await,
        ["traces"] => views::traces(observed, query),
        ["components"] => views::components(observed),
        _ => events::answer(observed, &path, query).await,
    }
}
