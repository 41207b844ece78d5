//! Where a request comes from, and what its answer says about limits.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use chassis::Result;
use chassis::quota::Rates;
use http::request::Parts;
use std::convert::Infallible;

/// Who asks from an address that nobody knows.
const UNKNOWN: &str = "unknown";

/// The client's address, as the gateway writes it.
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

/// The answer, whichever it is, with what is left of the quotas.
pub(super) fn rated(rates: &Rates, answer: Result<impl IntoResponse>) -> Response {
    let mut response = answer.into_response();
    rates.write(response.headers_mut());
    response
}
