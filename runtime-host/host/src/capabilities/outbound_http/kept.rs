//! Answers to requests that are given several times, as [`freshness`] allows.

use super::freshness;
use crate::calls::{Answers, Begun, Flight};
use crate::message::{Body, BodyError, Request, Response, full_body};
use bytes::Bytes;
use http::header::{AGE, CONNECTION, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tessera_resilience::cache::{Kept, Lifetime};
use tessera_resilience::{Deadline, Priority};

/// Whether a response was kept, and for how long it is still fresh (RFC 9211).
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Fields that are not part of what is kept: of the connection, and of one request.
const DROPPED: [HeaderName; 8] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceresponse"),
];

/// How long a request waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// For all of its answer.
    pub(super) deadline: Deadline,
    /// For an equal request.
    pub(super) head: Deadline,
    /// How urgently it waits for an equal one; `None` if it must not wait for one.
    pub(super) priority: Option<Priority>,
}

/// A response that may be given again.
struct Complete {
    uri: Uri,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The answer to a request: a kept one, that of an equal request, or that of `send`.
pub(super) async fn answer<F: Future<Output = Result<Response, BodyError>>>(
    answers: &Answers,
    request: Request,
    waits: Waits,
    send: impl FnOnce(Request) -> F,
) -> Result<Response, BodyError> {
    let (uri, method) = (request.uri().clone(), request.method().clone());
    let Some(key) = freshness::key(&request) else {
        let response = send(request).await;
        if changes(&method) && response.as_ref().is_ok_and(is_done) {
            answers.drop_if(|kept: &Complete| kept.uri == uri);
        }
        return response;
    };
    let begun = answers.begin::<Complete>(&key, waits.head, waits.priority).await;
    let flight = match begun.map_err(|_| BodyError::HttpResponseTimeout)? {
        Begun::Answered(kept) => return Ok(given(&kept)),
        Begun::Alone => return send(request).await,
        Begun::Leads(flight) => flight,
    };
    let response = send(request).await;
    let failed = response.as_ref().map_or(true, |response| is_failure(response.status()));
    if failed {
        let Some(stale) = answers.stale::<Complete>(&key) else {
            flight.failed();
            return response;
        };
        flight.share_kept(&stale);
        return Ok(given(&stale));
    }
    kept(answers, flight, uri, response?, waits.deadline).await
}

/// Keeps a response if it may be given again.
async fn kept(
    answers: &Answers,
    flight: Flight<'_>,
    uri: Uri,
    response: Response,
    deadline: Deadline,
) -> Result<Response, BodyError> {
    let options = answers.options();
    let size_max = options.size_max_bytes as u64;
    let fits = response.body().size_hint().exact().is_some_and(|size| size <= size_max);
    let is_useful = |it: &Lifetime| !it.fresh.is_zero() || !it.stale.is_zero();
    let allowed = freshness::lifetime(&response).filter(|_| fits);
    let is_shared = allowed.is_some_and(|it| !it.fresh.is_zero());
    let Some(lifetime) = allowed.map(|it| options.limit(it)).filter(is_useful) else {
        flight.keep_apart();
        return Ok(response);
    };
    let (head, body) = response.into_parts();
    let body =
        deadline.limit(body.collect()).await.map_err(|_| BodyError::HttpResponseTimeout)??;
    if body.trailers().is_some() {
        flight.keep_apart();
        let body: Body = body.map_err(|never| match never {}).boxed_unsync();
        return Ok(Response::from_parts(head, body));
    }
    let body = body.to_bytes();
    let mut headers = head.headers.clone();
    for name in &DROPPED {
        headers.remove(name);
    }
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let size = fields.sum::<usize>() + body.len() + uri.path().len();
    let complete = Complete { uri, status: head.status, headers, body: body.clone() };
    let complete = Arc::new(complete);
    if is_shared {
        flight.keep(complete.clone(), size, lifetime);
        flight.share(complete);
    } else {
        flight.keep_unshared(complete, size, lifetime);
        flight.failed();
    }
    Ok(Response::from_parts(head, full_body(body)))
}

/// A kept response, with its age.
fn given(kept: &Kept<Arc<Complete>>) -> Response {
    let mut response = Response::new(full_body(kept.value.body.clone()));
    *response.status_mut() = kept.value.status;
    *response.headers_mut() = kept.value.headers.clone();
    let before = response.headers().get(AGE).and_then(|age| age.to_str().ok()?.parse().ok());
    let age = kept.age.as_secs().saturating_add(before.unwrap_or(0));
    response.headers_mut().insert(AGE, HeaderValue::from(age));
    let status = format!("tessera; hit; ttl={}", kept.fresh.as_secs());
    if let Ok(status) = HeaderValue::try_from(status) {
        response.headers_mut().append(CACHE_STATUS, status);
    }
    response
}

/// Whether a request may change what it names (RFC 9110, section 9.2.1).
fn changes(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// RFC 9111, section 4.4.
fn is_done(response: &Response) -> bool {
    response.status().is_success() || response.status().is_redirection()
}

/// The statuses of RFC 5861, section 4, and 502.
fn is_failure(status: StatusCode) -> bool {
    [500, 502, 503, 504].contains(&status.as_u16())
}
