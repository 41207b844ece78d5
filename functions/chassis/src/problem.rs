//! Errors as RFC 9457 `application/problem+json`, the only shape in which this shop
//! answers a failed request.
//!
//! `type` is `/problems/<slug>`: a stable name that programs compare, and the path of its
//! documentation at the gateway. [`ProblemType`] lists all types, so no function can return an
//! undocumented one. `title` and `detail` are for people. `errors` holds one entry for each fault
//! in a request body, with a JSON pointer (RFC 6901) to it.

mod types;

pub use types::ProblemType;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

/// What handlers return.
pub type Result<T> = std::result::Result<T, Problem>;

/// An error response. Built by chaining: `Problem::new(ProblemType::…).detail(…).header(…)`.
#[derive(Clone, Debug)]
pub struct Problem {
    body: Box<Body>,
    headers: HeaderMap,
}

#[derive(Clone, Debug, Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(flatten)]
    extensions: serde_json::Map<String, serde_json::Value>,
}

/// One fault in a request body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer to the member, `""` for the whole document.
    pub pointer: String,
    /// What is wrong with it and what would be right.
    pub detail: String,
}

impl Problem {
    /// A problem of this type, with the type's status.
    pub fn new(kind: ProblemType) -> Problem {
        let body = Body {
            kind: kind.path(),
            title: kind.title(),
            status: kind.status().unwrap_or(StatusCode::BAD_REQUEST).as_u16(),
            detail: None,
            errors: Vec::new(),
            extensions: serde_json::Map::new(),
        };
        Problem { body: Box::new(body), headers: HeaderMap::new() }
    }

    /// Replaces the status of the type, for relayed responses.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Problem {
        self.body.status = status.as_u16();
        self
    }

    /// What is wrong this time, for people.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.body.detail = Some(detail.into());
        self
    }

    /// One more header. A value that HTTP can't carry is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Problem {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// One more fault of the request body.
    #[must_use]
    pub fn error(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Problem {
        self.body.errors.push(Fault { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// One more member of the problem's object (RFC 9457, section 3.2).
    #[must_use]
    pub fn extension(mut self, name: &str, value: impl Into<serde_json::Value>) -> Problem {
        self.body.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The body of the response.
    #[cfg(feature = "openapi")]
    pub(crate) fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(&self.body).unwrap_or_default()
    }

    /// The faults collected so far.
    pub fn errors(&self) -> &[Fault] {
        &self.body.errors
    }
}

/// Shorthands for the problems that every function has.
impl Problem {
    /// 404: there is no such thing, or not for this caller.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(ProblemType::NotFound).detail(detail)
    }

    /// 400: the request can't be understood.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(ProblemType::BadRequest).detail(detail)
    }

    /// 401 with a bare `Bearer` challenge.
    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new(ProblemType::Unauthorized)
            .header(header::WWW_AUTHENTICATE, "Bearer realm=\"shop\"")
            .detail(detail)
    }

    /// 403: known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(ProblemType::Forbidden).detail(detail)
    }

    /// 409: the state of the thing does not allow this.
    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(ProblemType::Conflict).detail(detail)
    }

    /// 422: JSON, but of the wrong shape.
    pub fn unprocessable(errors: Vec<Fault>) -> Problem {
        let mut problem = Problem::new(ProblemType::InvalidBody);
        problem.body.errors = errors;
        problem
    }

    /// 503 with `Retry-After` in seconds: nothing was done, the same request may work later.
    pub fn unavailable(detail: impl Into<String>, retry_after_s: u64) -> Problem {
        Problem::new(ProblemType::Unavailable)
            .header(header::RETRY_AFTER, &retry_after_s.to_string())
            .detail(detail)
    }

    /// 500. Says nothing about the inside: log the cause where it happened.
    pub fn internal() -> Problem {
        Problem::new(ProblemType::Internal)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response
    }
}

#[cfg(test)]
mod tests;
