//! Errors: problems for the shop's API, RFC 6749 objects for OAuth.

use crate::service::Error;
use axum::response::{IntoResponse, Response};
use chassis::problem::{Fault, Problem, ProblemType};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// `Retry-After` in seconds when the store failed.
const RETRY_AFTER_S: u64 = 1;
/// `Retry-After` in seconds when too many passwords are being checked.
const BUSY_RETRY_AFTER_S: u64 = 2;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Misconfigured(reason) => {
                eprintln!("identity is misconfigured: {reason}");
                Self::internal()
            }
            Error::WrongPassword => {
                Self::new(ProblemType::WrongPassword).detail("The password is wrong.")
            }
            Error::WeakPassword(reason) => weak("/password", reason),
            Error::Managed => Self::new(ProblemType::ManagedAccount)
                .detail("Its password is set by the variable admin_password."),
            Error::BadReset => Self::new(ProblemType::ResetTokenInvalid)
                .detail("It is unknown, has expired or was already used. Request a new one."),
            Error::Busy(busy) => {
                eprintln!("{busy}");
                Self::unavailable("Too many users are signing in.", BUSY_RETRY_AFTER_S)
            }
            Error::TooManyKeys => Self::new(ProblemType::TooManyKeys)
                .detail("Older keys are still needed to verify tokens. Try again in an hour."),
            Error::WrongCredentials => Self::new(ProblemType::InvalidCredentials)
                .header(header::WWW_AUTHENTICATE, "Bearer realm=\"shop\"")
                .detail("No account has this e-mail address and password."),
            Error::NoSuchUser => Self::not_found("There is no such user."),
            Error::Changed => Self::new(ProblemType::PreconditionFailed)
                .detail("The ETag of the resource is not in If-Match. Read the resource again."),
            Error::Full(full) => full.into(),
            Error::InvalidGrant(detail) => Self::new(ProblemType::InvalidGrant).detail(detail),
        }
    }
}

/// The problem for a caller who asks about their own account. If the account was deleted, the token
/// is useless.
pub(super) fn of_caller(error: Error) -> Problem {
    match error {
        Error::NoSuchUser => Problem::unauthorized("The account of this token does not exist."),
        other => other.into(),
    }
}

/// Reports a weak password as a fault of this member of the body.
pub(super) fn weak(pointer: &str, reason: String) -> Problem {
    Problem::unprocessable(vec![Fault { pointer: pointer.to_owned(), detail: reason }])
}

/// An error of RFC 6749 section 5.2.
#[derive(Clone, Debug)]
pub(super) struct OAuthError {
    status: StatusCode,
    /// One of the registered names.
    pub(super) code: &'static str,
    /// For the developer of the client.
    pub(super) description: String,
    /// Whether the client authenticated in `Authorization`.
    by_header: bool,
}

impl OAuthError {
    pub(super) fn new(code: &'static str, description: &str) -> Self {
        let (status, description) = (StatusCode::BAD_REQUEST, description.to_owned());
        Self { status, code, description, by_header: false }
    }

    /// RFC 6749 section 5.2: 401, with a challenge if the client has tried to authenticate in the
    /// header.
    pub(super) fn invalid_client(description: &str, by_header: bool) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        Self { status, by_header, ..Self::new("invalid_client", description) }
    }

    pub(super) fn invalid_request(description: &str) -> Self {
        Self::new("invalid_request", description)
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        let failure = |status, code, description| {
            eprintln!("an OAuth request failed: {error:?}");
            Self { status, ..Self::new(code, description) }
        };
        match error {
            Error::InvalidGrant(description) => Self::new("invalid_grant", description),
            Error::WrongCredentials => Self::new("access_denied", "Wrong address or password."),
            Error::Store(_) | Error::Busy(_) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                failure(status, "temporarily_unavailable", "Try again later.")
            }
            _ => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                failure(status, "server_error", "The server failed.")
            }
        }
    }
}

/// An error of RFC 6749, section 5.2.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OAuthError"))]
pub(super) struct ErrorView<'a> {
    /// As registered for OAuth 2.
    error: &'a str,
    /// For the developer of the client.
    error_description: &'a str,
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = ErrorView { error: self.code, error_description: &self.description };
        let mut response = (self.status, axum::Json(body)).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.by_header {
            let challenge = HeaderValue::from_static("Basic realm=\"oauth2\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}
