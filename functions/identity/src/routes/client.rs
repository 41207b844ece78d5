//! The client's address, and the rate limit headers of responses.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use chassis::Result;
use chassis::quota::Rates;
use http::request::Parts;
use std::convert::Infallible;

/// The key of clients with an unknown address.
const UNKNOWN: &str = "unknown";

/// The client's address, as the gateway sets it.
pub(super) struct Client {
    pub(super) address: String,
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        let address = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        Ok(Self { address: address.unwrap_or(UNKNOWN).to_owned() })
    }
}

/// The response with rate limit headers, for success and failure.
pub(super) fn rated(rates: &Rates, answer: Result<impl IntoResponse>) -> Response {
    let mut response = answer.into_response();
    rates.write(response.headers_mut());
    response
}
