//! Errors: problems for the shop's API, RFC 6749 objects for OAuth.

use crate::service::Error;
use axum::response::{IntoResponse, Response};
use chassis::Problem;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// Seconds after which a caller may try again when the store failed.
const RETRY_AFTER_S: u64 = 1;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Misconfigured(reason) => {
                eprintln!("identity can't work: {reason}");
                Self::internal()
            }
            Error::EmailTaken => {
                let title = "The e-mail address has an account";
                Self::new(StatusCode::CONFLICT, "email-taken", title)
                    .detail("Sign in, or register with another address.")
            }
            Error::WrongCredentials => {
                let title = "Wrong e-mail address or password";
                Self::new(StatusCode::UNAUTHORIZED, "invalid-credentials", title)
                    .header(header::WWW_AUTHENTICATE, "Bearer realm=\"shop\"")
                    .detail("No account has this e-mail address and password.")
            }
            Error::NoSuchUser => Self::not_found("There is no such user."),
            Error::Changed => {
                let title = "The account has changed";
                Self::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", title)
                    .detail("Read it again: its ETag is none of those in If-Match.")
            }
            Error::Full(full) => full.into(),
            Error::InvalidGrant(detail) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid-grant", "Invalid grant").detail(detail)
            }
        }
    }
}

/// An error of RFC 6749 section 5.2.
#[derive(Clone, Debug)]
pub(super) struct OAuthError {
    status: StatusCode,
    /// One of the registered names.
    pub(super) code: &'static str,
    /// For the developer of the client.
    pub(super) description: String,
}

impl OAuthError {
    pub(super) fn new(code: &'static str, description: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.to_owned() }
    }

    pub(super) fn invalid_request(description: &str) -> Self {
        Self::new("invalid_request", description)
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidGrant(description) => Self::new("invalid_grant", description),
            Error::Store(error) => {
                eprintln!("{error}");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self { status, ..Self::new("temporarily_unavailable", "Try again later.") }
            }
            Error::WrongCredentials => Self::new("access_denied", "Wrong address or password."),
            Error::Misconfigured(reason) => {
                eprintln!("identity can't work: {reason}");
                Self::server_error()
            }
            Error::EmailTaken | Error::NoSuchUser | Error::Changed | Error::Full(_) => {
                Self::server_error()
            }
        }
    }
}

impl OAuthError {
    fn server_error() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, ..Self::new("server_error", "The server failed.") }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({"error": self.code, "error_description": self.description});
        let mut response = (self.status, axum::Json(body)).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}
