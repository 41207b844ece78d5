//! Errors in the style of the old API.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::service::Refusal;

/// What handlers return.
pub(super) type Answer<T> = Result<T, Error>;

/// An error response.
#[derive(Debug)]
pub(super) struct Error(Refusal);

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error(refusal)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = match &self.0 {
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Refusal::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Refusal::Invalid(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Refusal::Taken => (StatusCode::CONFLICT, "taken"),
            Refusal::Unavailable(reason) => {
                eprintln!("legacy: {reason}");
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
        };
        let body = Json(json!({"error": code, "message": self.0.to_string()}));
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                (status, [(header::RETRY_AFTER, "1")], body).into_response()
            }
            _ => (status, body).into_response(),
        }
    }
}
