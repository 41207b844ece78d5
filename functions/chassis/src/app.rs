//! The outermost layer of a function's router: every error leaves as a problem.
//!
//! axum responds to what it refuses itself (no such route, a wrong method, a query that does not
//! parse) with plain text or nothing. Here, such responses become `application/problem+json`,
//! `405` keeps its `Allow`, and `OPTIONS` gets it, too.

use crate::problem::{Problem, ProblemType};
use crate::store::{Store, check_writable};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use std::sync::{Mutex, PoisonError};

pub use axum::Router;

/// How much of axum's own refusal becomes the problem's detail, in bytes.
const DETAIL_BYTES_MAX: usize = 1_024;

/// Where the gateway asks whether a function can serve.
const READINESS: &str = "/readyz";

/// The router, with every error as a problem. Apply it once, last.
///
/// A function without a [`readiness`] of its own is ready when it can say so: it was
/// loaded, linked and started.
pub fn router_with_problems(router: Router) -> Router {
    router.layer(from_fn(with_problems))
}

/// `GET /readyz` of a function that needs its store: whether the store accepts writes.
pub fn readiness<S: Store>(store: S) -> Router {
    let respond = || async move {
        let works = check_writable(&store, crate::clock::now_ms()).await;
        works.inspect_err(|error| eprintln!("not ready: {error}")).map_or_else(
            |_| health(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"fail"}"#),
            |_| ready(),
        )
    };
    Router::new().route(READINESS, get(respond))
}

fn ready() -> Response {
    health(StatusCode::OK, r#"{"status":"pass"}"#)
}

fn health(status: StatusCode, body: &'static str) -> Response {
    let content_type = HeaderValue::from_static("application/health+json");
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

async fn with_problems(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let asks_readiness = method == Method::GET && request.uri().path() == READINESS;
    let response = next.run(request).await;
    if asks_readiness && response.status() == StatusCode::NOT_FOUND {
        return ready();
    }
    if method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        return options(response.headers());
    }
    if !is_error(&response) || is_problem(response.headers()) {
        return response;
    }
    let (head, body) = response.into_parts();
    let detail = to_bytes(body, DETAIL_BYTES_MAX).await.unwrap_or_default();
    let problem = problem_of(head.status, &String::from_utf8_lossy(&detail));
    let mut response = problem.into_response();
    keep(&head.headers, response.headers_mut());
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

fn options(headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    keep(headers, response.headers_mut());
    response
}

fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            to.append(name, value.clone());
        }
    }
}

fn is_error(response: &Response) -> bool {
    response.status().is_client_error() || response.status().is_server_error()
}

/// JSON is left alone too: OAuth errors have a shape of their own (RFC 6749, section 5.2).
/// So are pages: a form that was filled in wrongly comes back as a form.
fn is_problem(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| {
        ["application/problem+json", "application/json", "application/health+json", "text/html"]
            .iter()
            .any(|kind| value.starts_with(kind))
    })
}

fn problem_of(status: StatusCode, detail: &str) -> Problem {
    let kind = match status {
        StatusCode::BAD_REQUEST => ProblemType::BadRequest,
        StatusCode::NOT_FOUND => ProblemType::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ProblemType::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemType::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemType::UnsupportedMediaType,
        status if status.is_server_error() => ProblemType::Internal,
        _ => ProblemType::Refused,
    };
    let problem = Problem::new(kind).with_status(status);
    // Clients do not see the cause of a failure.
    if detail.is_empty() || status.is_server_error() { problem } else { problem.detail(detail) }
}

/// The entry point of a component, which serves the requests of the host with the router of this
/// function: `serve!(router)` calls the asynchronous function `router` for each request,
/// `serve!(once router)` a synchronous one for the first request of an instance.
#[cfg(target_family = "wasm")]
#[macro_export]
macro_rules! serve {
    (once $router:ident) => {
        #[::spin_sdk::http_service]
        async fn handle(request: ::spin_sdk::http::Request) -> impl ::spin_sdk::http::IntoResponse {
            static ROUTER: $crate::app::Kept = $crate::app::Kept::new();
            $crate::app::serve(ROUTER.router((), |()| $router()), request).await
        }
    };
    ($router:ident) => {
        #[::spin_sdk::http_service]
        async fn handle(request: ::spin_sdk::http::Request) -> impl ::spin_sdk::http::IntoResponse {
            $crate::app::serve($router().await, request).await
        }
    };
}

/// Serve one request of the host with this router, or with the problem that kept it from
/// being set up.
#[cfg(target_family = "wasm")]
pub async fn serve(router: crate::Result<Router>, request: spin_sdk::http::Request) -> Response {
    use tower_service::Service;
    let mut router = match router {
        Ok(router) => router,
        Err(problem) => return problem.into_response(),
    };
    let method = request.method().clone();
    match router.call(request.map(Body::new)).await {
        Ok(response) => of_its_length(&method, response),
        Err(never) => match never {},
    }
}

/// The router of an instance, kept from one request to the next: making it costs more than
/// finding a route in it. For routers that hold nothing of a single request.
#[derive(Debug)]
pub struct Kept<S = ()>(Mutex<Option<(S, Router)>>);

impl<S: PartialEq> Kept<S> {
    /// None yet.
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The router that was made from these settings, or what `make` makes of them. One that could
    /// not be set up is made anew next time.
    pub fn router(
        &self,
        settings: S,
        make: impl FnOnce(&S) -> crate::Result<Router>,
    ) -> crate::Result<Router> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, router)) = kept.as_ref().filter(|(made_from, _)| *made_from == settings) {
            return Ok(router.clone());
        }
        let router = make(&settings)?;
        *kept = Some((settings, router.clone()));
        Ok(router)
    }
}

impl<S: PartialEq> Default for Kept<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// A response that does not name a length which its body does not have.
///
/// Routers name the length that `GET` would have in the response to `HEAD`, but hosts hold a
/// component to the length that it names. The field may be left out (RFC 9110, section
/// 9.3.2).
pub fn of_its_length(method: &Method, mut response: Response) -> Response {
    if method == Method::HEAD {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// What keeps a function from being set up; as a problem, or as the text of a contract's
/// `unavailable`.
#[cfg(target_family = "wasm")]
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unready {
    /// A variable is missing or wrong.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

#[cfg(target_family = "wasm")]
impl From<Unready> for Problem {
    fn from(error: Unready) -> Problem {
        match error {
            Unready::Config(error) => error.into(),
            Unready::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::extract::{Path, Query};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use serde::Deserialize;
    use serde_json::Value;
    use std::cell::RefCell;
    use tower::ServiceExt;

    #[test]
    fn a_router_is_kept_for_as_long_as_its_settings_are_the_same() {
        let made = RefCell::new(Vec::new());
        let kept = Kept::new();
        let router = |settings: &'static str| {
            kept.router(settings, |settings| {
                made.borrow_mut().push(*settings);
                if *settings == "wrong" { Err(Problem::internal()) } else { Ok(Router::new()) }
            })
        };
        for settings in ["a", "a", "b", "wrong", "wrong", "b", "a"] {
            assert_eq!(router(settings).is_err(), settings == "wrong");
        }
        assert_eq!(made.into_inner(), ["a", "b", "wrong", "wrong", "a"]);
    }

    #[derive(Deserialize)]
    struct Filter {
        #[serde(rename = "limit")]
        _limit: u8,
    }

    async fn send(method: &str, uri: &str) -> (Response, Option<Value>) {
        let router = Router::new()
            .route("/things/{id}", get(|_: Path<u32>| async { "thing" }).delete(|| async {}))
            .route("/list", get(|_: Query<Filter>| async { "list" }))
            .route("/broken", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "secret") }));
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let response = router_with_problems(router).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(head, Body::empty()), serde_json::from_slice(&body).ok())
    }

    #[tokio::test]
    async fn what_axum_refuses_is_a_problem() {
        for (method, uri, status, kind) in [
            ("GET", "/nowhere", 404, "/problems/not-found"),
            ("POST", "/things/1", 405, "/problems/method-not-allowed"),
            ("GET", "/things/x", 400, "/problems/bad-request"),
            ("GET", "/list?limit=many", 400, "/problems/bad-request"),
            ("GET", "/broken", 500, "/problems/internal"),
        ] {
            let (response, body) = send(method, uri).await;
            assert_eq!(response.status().as_u16(), status, "{method} {uri}");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            let body = body.unwrap();
            assert_eq!((&body["type"], &body["status"]), (&kind.into(), &status.into()));
            assert!(!body.to_string().contains("secret"));
        }
    }

    #[tokio::test]
    async fn a_function_is_ready_when_its_store_works() {
        use crate::testing::{MemoryStore, ScriptedStore};
        async fn status(router: Router) -> u16 {
            let request = Request::get("/readyz").body(Body::empty()).unwrap();
            let response = router_with_problems(router).oneshot(request).await.unwrap();
            assert_eq!(response.headers()["content-type"], "application/health+json");
            response.status().as_u16()
        }
        assert_eq!(status(Router::new()).await, 200);
        assert_eq!(status(readiness(MemoryStore::new())).await, 200);
        let failing =
            |operations| readiness(ScriptedStore::failing_after(operations, MemoryStore::new()));
        assert_eq!(status(failing(0)).await, 503);
        assert_eq!(status(failing(1)).await, 503, "it can be read and not written to");
    }

    #[tokio::test]
    async fn a_wrong_method_names_the_right_ones() {
        let (response, _) = send("PATCH", "/things/1").await;
        let allow = response.headers()["allow"].to_str().unwrap();
        let mut methods: Vec<_> = allow.split(',').map(str::trim).collect();
        methods.sort_unstable();
        assert_eq!(methods, ["DELETE", "GET", "HEAD"]);
    }

    #[tokio::test]
    async fn options_and_head_follow_the_routes() {
        let (response, _) = send("OPTIONS", "/things/1").await;
        assert_eq!(response.status(), 204);
        assert!(response.headers().contains_key("allow"));
        assert_eq!(send("OPTIONS", "/nowhere").await.0.status(), 404);
        let (response, body) = send("HEAD", "/nowhere").await;
        assert_eq!((response.status().as_u16(), body), (404, None));
        let (response, body) = send("HEAD", "/things/1").await;
        assert_eq!((response.status().as_u16(), body), (200, None));
        let response = of_its_length(&Method::HEAD, response);
        assert_eq!(response.headers().get("content-length"), None, "nothing follows");
        let (response, _) = send("GET", "/things/1").await;
        let response = of_its_length(&Method::GET, response);
        assert_eq!(response.headers()["content-length"], "5");
    }
}
