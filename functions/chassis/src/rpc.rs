//! The `/rpc/{interface}/{function}` routes: a typed contract over HTTP, for hosts that can't
//! link two functions directly.
//!
//! A call is `POST` with the arguments as a JSON object by parameter name (in snake case);
//! the response is 200 with `{"ok":…}` or `{"err":…}`, the two sides of the contract's result.
//! Any other status means that the call did not come to its end, and the bridge turns it into
//! the contract's `unavailable` (or `unknown_outcome`, where the contract has that case and the
//! callee may have acted). The routes carry no authentication: they exist on private routes
//! only, and the gateway never forwards `/rpc`.

use crate::form::read_limited;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, Request};
use axum::response::IntoResponse;
use axum::routing::post;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::future::Future;

pub use axum::response::Response;
pub use bytes::Bytes;

/// The longest arguments and the longest response of one call, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a bridge waits for a response, in milliseconds.
pub const TIMEOUT_MS: u64 = 10_000;

/// A contract's result on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome<T, E> {
    /// The function's ok value.
    Ok(T),
    /// The function's error value.
    Err(E),
}

/// The routes of a function's contract. `dispatch` is what `contracts::function!` makes.
pub fn router<F, Fut>(dispatch: F) -> Router
where
    F: Fn(String, String, Bytes) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response> + Send,
{
    let handle = move |Path((interface, function)): Path<(String, String)>, request: Request| {
        let dispatch = dispatch.clone();
        async move {
            match read_limited(request.into_body(), BODY_BYTES_MAX).await {
                Ok(body) => dispatch(interface, function, body).await,
                Err(problem) => problem.into_response(),
            }
        }
    };
    Router::new().route("/rpc/{interface}/{function}", post(handle))
}

/// The arguments of a call, or the 400 that says what is wrong with them.
pub fn arguments<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("The arguments do not fit: {error}")))
}

/// The response to a call that came to its end.
pub fn respond<T: Serialize, E: Serialize>(result: Result<T, E>) -> Response {
    let outcome = match result {
        Ok(value) => Outcome::Ok(value),
        Err(error) => Outcome::Err(error),
    };
    match serde_json::to_vec(&outcome) {
        Ok(body) => {
            let content_type = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, content_type)], body).into_response()
        }
        Err(_) => Problem::internal().into_response(),
    }
}

/// The response to a call that was refused before the function ran.
pub fn refused(problem: Problem) -> Response {
    problem.into_response()
}

/// The response to a call of something that the contract does not have.
pub fn unknown(interface: &str, function: &str) -> Response {
    Problem::not_found(format!("The contract has no {interface}/{function}.")).into_response()
}

/// A call that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The callee has certainly not acted.
    #[error("{component} can't be reached: {reason}")]
    NotSent {
        /// The callee's component id.
        component: String,
        /// What went wrong.
        reason: String,
    },
    /// The callee may have acted; its response is lost.
    #[error("the response of {component} is lost: {reason}")]
    Lost {
        /// The callee's component id.
        component: String,
        /// What went wrong.
        reason: String,
    },
}

/// Calls a function of another component at this URL, as a bridge does.
#[cfg(target_family = "wasm")]
pub async fn call<A: Serialize, T: DeserializeOwned, E: DeserializeOwned>(
    component: &str,
    url: &'static str,
    arguments: &A,
) -> Result<Result<T, E>, CallError> {
    let not_sent = |reason: String| CallError::NotSent { component: component.to_owned(), reason };
    let body = serde_json::to_vec(arguments).map_err(|error| not_sent(error.to_string()))?;
    let request = http::Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|error| not_sent(error.to_string()))?;
    read_response(component, crate::http::send(request, TIMEOUT_MS).await)
}

/// What an HTTP response means for the caller of a contract.
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
fn read_response<T: DeserializeOwned, E: DeserializeOwned>(
    component: &str,
    sent: Result<http::Response<Bytes>, crate::http::OutboundError>,
) -> Result<Result<T, E>, CallError> {
    let component = component.to_owned();
    let response = match sent {
        Ok(response) => response,
        Err(error) if error.not_sent() => {
            return Err(CallError::NotSent { component, reason: error.to_string() });
        }
        Err(error) => return Err(CallError::Lost { component, reason: error.to_string() }),
    };
    let status = response.status();
    if status.is_client_error() {
        // Refused before the function ran: arguments that do not fit, an older contract.
        return Err(CallError::NotSent { component, reason: format!("it returned {status}") });
    }
    if !status.is_success() {
        return Err(CallError::Lost { component, reason: format!("it returned {status}") });
    }
    match serde_json::from_slice(response.body()) {
        Ok(Outcome::Ok(value)) => Ok(Ok(value)),
        Ok(Outcome::Err(error)) => Ok(Err(error)),
        Err(error) => Err(CallError::Lost { component, reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::http::OutboundError;
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Double {
        number: u32,
    }

    async fn dispatch(interface: String, function: String, body: Bytes) -> Response {
        match (interface.as_str(), function.as_str()) {
            ("sums", "double") => match arguments::<Double>(&body) {
                Ok(Double { number }) => respond(number.checked_mul(2).ok_or("too large")),
                Err(problem) => problem.into_response(),
            },
            _ => unknown(&interface, &function),
        }
    }

    async fn post(path: &str, body: &str) -> (u16, String) {
        let request = Request::post(path).body(Body::from(body.to_owned())).unwrap();
        let response = router(dispatch).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn both_sides_of_a_result_are_returned() {
        let ok = post("/rpc/sums/double", r#"{"number":21}"#).await;
        assert_eq!(ok, (200, r#"{"ok":42}"#.to_owned()));
        let err = post("/rpc/sums/double", r#"{"number":4000000000}"#).await;
        assert_eq!(err, (200, r#"{"err":"too large"}"#.to_owned()));
    }

    #[tokio::test]
    async fn calls_that_do_not_fit_the_contract_are_refused() {
        assert_eq!(post("/rpc/sums/halve", "{}").await.0, 404);
        for body in ["", "{}", r#"{"number":-1}"#, r#"{"number":1,"x":2}"#] {
            assert_eq!(post("/rpc/sums/double", body).await.0, 400, "{body}");
        }
        assert_eq!(post("/rpc/sums/double", &"x".repeat(BODY_BYTES_MAX + 1)).await.0, 413);
    }

    fn read(sent: Result<(u16, &str), OutboundError>) -> Result<Result<u32, String>, CallError> {
        let response = sent.map(|(status, body)| {
            http::Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
        });
        read_response("sums", response)
    }

    #[test]
    fn a_bridge_tells_not_sent_from_lost() {
        assert_eq!(read(Ok((200, r#"{"ok":42}"#))), Ok(Ok(42)));
        assert_eq!(read(Ok((200, r#"{"err":"too large"}"#))), Ok(Err("too large".to_owned())));
        let not_sent = |sent| matches!(read(sent), Err(CallError::NotSent { .. }));
        let lost = |sent| matches!(read(sent), Err(CallError::Lost { .. }));
        assert!(not_sent(Ok((404, ""))));
        assert!(not_sent(Err(OutboundError::Connect("refused".into()))));
        assert!(lost(Ok((500, ""))));
        assert!(lost(Ok((200, "<html>"))));
        assert!(lost(Err(OutboundError::Timeout(5))));
    }
}
