//! `fermyon:spin/http`: a request whose bodies are whole.

use super::bindings::fermyon::spin::http::Host;
use super::bindings::fermyon::spin::http_types::{self, HttpError, Method, Request, Response};
use crate::capabilities::State;
use crate::message::{Body, BodyError, full_body};
use http::Uri;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use wasmtime_wasi_http::WasiHttpHooks as _;

/// The size of a response, in bytes: what the host may hold for one call of a guest.
const RESPONSE_MAX_BYTES: usize = 32 << 20;

impl http_types::Host for State {}

impl Host for State {
    async fn send_request(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Response, HttpError>> {
        let request = match to_http(request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let sent = self.guest.outbound.send_request(request, None, Box::new(async { Ok(()) }));
        Ok(match Box::into_pin(sent).await {
            Ok((response, _)) => from_http(response).await,
            Err(error) => Err(http_error(&error)),
        })
    }
}

fn to_http(request: Request) -> Result<http::Request<Body>, HttpError> {
    let uri: Uri = request.uri.parse().map_err(|_| HttpError::InvalidUrl)?;
    let mut builder = http::Request::builder().method(method(request.method)).uri(uri);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    builder.body(full_body(request.body.unwrap_or_default())).map_err(|_| HttpError::RuntimeError)
}

async fn from_http(response: http::Response<Body>) -> Result<Response, HttpError> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, RESPONSE_MAX_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            tracing::warn!("a response of more than {RESPONSE_MAX_BYTES} bytes is refused");
        }
        HttpError::RuntimeError
    })?;
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Response {
        status: parts.status.as_u16(),
        headers: Some(headers.collect()),
        body: Some(body.to_bytes().into()),
    })
}

fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
        Method::Patch => http::Method::PATCH,
        Method::Head => http::Method::HEAD,
        Method::Options => http::Method::OPTIONS,
    }
}

fn http_error(error: &BodyError) -> HttpError {
    match error {
        BodyError::HttpRequestDenied => HttpError::DestinationNotAllowed,
        BodyError::HttpRequestUriInvalid => HttpError::InvalidUrl,
        BodyError::ConnectionLimitReached => HttpError::TooManyRequests,
        _ => HttpError::RequestError,
    }
}
