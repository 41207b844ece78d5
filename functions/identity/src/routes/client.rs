//! Password attempts of clients, which are counted by the client's address.

use super::App;
use crate::ports::Environment;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use chassis::Result;
use chassis::store::Store;
use http::request::Parts;
use std::convert::Infallible;
use std::future::Future;

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

impl<S: Store, E: Environment> App<S, E> {
    /// Counts an attempt at this account before it is made. Success and failure have rate limit
    /// headers.
    pub(super) async fn attempt(
        &self,
        client: &Client,
        account: &str,
        attempt: impl Future<Output = Result<impl IntoResponse>>,
    ) -> Result<Response> {
        let rates = self.0.count_attempt(&client.address, account).await?;
        let mut response = attempt.await.into_response();
        rates.write(response.headers_mut());
        Ok(response)
    }
}
