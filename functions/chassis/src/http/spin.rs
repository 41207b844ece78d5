//! Outbound HTTP through the host.

use super::{Outbound, OutboundError, RESPONSE_BYTES_MAX};
use axum::body::Body;
use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use spin_sdk::http::FullBody;
use spin_sdk::wasip3::http::types::ErrorCode;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// The host's HTTP client.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpinOutbound;

impl Outbound for SpinOutbound {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout_ms: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        send(request, timeout_ms).await
    }
}

/// Send and read the whole response (at most [`RESPONSE_BYTES_MAX`] bytes), within `timeout_ms`
/// milliseconds.
pub async fn send(
    request: Request<Bytes>,
    timeout_ms: u64,
) -> Result<Response<Bytes>, OutboundError> {
    within(timeout_ms, async {
        let response = spin_sdk::http::send(request.map(FullBody::new)).await.map_err(failure)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                OutboundError::TooLong
            } else {
                OutboundError::Broken(error.to_string())
            }
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    })
    .await
}

/// Pass a request on with both bodies streaming; `timeout_ms` bounds the wait for the head of
/// the response, its body may take as long as it wants.
pub async fn forward(
    request: Request<Body>,
    timeout_ms: u64,
) -> Result<Response<Body>, OutboundError> {
    within(timeout_ms, async {
        let response = spin_sdk::http::send(request).await.map_err(failure)?;
        Ok(response.map(Body::new))
    })
    .await
}

/// The response, or a timeout by the host's monotonic clock. Dropping the request's future
/// cancels it.
async fn within<T>(
    timeout_ms: u64,
    response: impl Future<Output = Result<T, OutboundError>>,
) -> Result<T, OutboundError> {
    let clock = spin_sdk::time::sleep(Duration::from_millis(timeout_ms));
    match select(pin!(response), pin!(clock)).await {
        Either::Left((response, _)) => response,
        Either::Right(_) => Err(OutboundError::Timeout(timeout_ms)),
    }
}

fn failure(code: ErrorCode) -> OutboundError {
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestUriInvalid => OutboundError::Connect(code.to_string()),
        other => OutboundError::Broken(other.to_string()),
    }
}
