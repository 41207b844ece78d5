//! `fermyon:spin/http`: a request whose bodies are whole.

use super::bindings::fermyon::spin::http::Host;
use super::bindings::fermyon::spin::http_types::{self, HttpError, Method, Request, Response};
use super::gzip;
use super::redirects::{REDIRECTS_MAX, Repeatable};
use crate::capabilities::State;
use crate::capabilities::outbound_http::{OwnHost, is_of_component};
use crate::message::{Body, BodyError, full_body};
use http::header::ACCEPT;
use http::{HeaderValue, Uri};
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
        let mut request = match repeatable(request) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        for _ in 0..=REDIRECTS_MAX {
            let response = match self.send_once(&request).await {
                Ok(response) => response,
                Err(error) => return Ok(Err(error)),
            };
            let next = request.redirected(response.status(), response.headers());
            // To where it may not follow a redirect, the guest gets the redirect.
            match next.filter(|next| self.guest.grants.outbound.allows(&next.uri)) {
                Some(next) => request = next,
                None => return Ok(from_http(response, &request.uri).await),
            }
        }
        tracing::warn!("a request was redirected more than {REDIRECTS_MAX} times");
        Ok(Err(HttpError::RuntimeError))
    }
}

impl State {
    async fn send_once(&mut self, request: &Repeatable) -> Result<http::Response<Body>, HttpError> {
        let Repeatable { method, uri, headers, body } = request.clone();
        let mut request = http::Request::new(full_body(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) =
            (method, uri, headers);
        // As in stock Spin: it chooses one of several sites at an address.
        request.extensions_mut().insert(OwnHost);
        let sent = self.guest.outbound.send_request(request, None, Box::new(async { Ok(()) }));
        match Box::into_pin(sent).await {
            Ok((response, _)) => Ok(response),
            Err(error) => Err(http_error(&error)),
        }
    }
}

fn repeatable(request: Request) -> Result<Repeatable, HttpError> {
    let uri: Uri = request.uri.parse().map_err(|_| match request.uri.starts_with('/') {
        true => HttpError::InvalidUrl,
        // As in stock Spin, where the permission is checked first: it has no host to be allowed.
        false => HttpError::DestinationNotAllowed,
    })?;
    let mut builder = http::Request::builder().method(method(request.method)).uri(uri);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    let request = builder.body(request.body.unwrap_or_default());
    let (parts, body) = request.map_err(|_| HttpError::RuntimeError)?.into_parts();
    let mut headers = parts.headers;
    // As stock Spin does, for servers that insist on it.
    if !is_of_component(&parts.uri) {
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        gzip::ask(&mut headers);
    }
    Ok(Repeatable { method: parts.method, uri: parts.uri, headers, body: body.into() })
}

async fn from_http(response: http::Response<Body>, from: &Uri) -> Result<Response, HttpError> {
    let (mut parts, body) = response.into_parts();
    let body = Limited::new(body, RESPONSE_MAX_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            tracing::warn!("a response of more than {RESPONSE_MAX_BYTES} bytes is refused");
        }
        HttpError::RuntimeError
    })?;
    let mut body = body.to_bytes();
    if !is_of_component(from) {
        let decoded = gzip::decoded(&mut parts.headers, body, RESPONSE_MAX_BYTES).await;
        body = decoded.map_err(|error| {
            tracing::warn!("a response in gzip can't be decoded: {error}");
            HttpError::RuntimeError
        })?;
    }
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        // As in stock Spin: an old guest may not be prepared for other characters.
        let Ok(value) = value.to_str() else {
            tracing::warn!("the field {name} of a response is left out: it is not in ASCII");
            return None;
        };
        Some((name.to_string(), value.to_owned()))
    });
    Ok(Response {
        status: parts.status.as_u16(),
        headers: Some(headers.collect()),
        body: Some(body.into()),
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
        _ => HttpError::RuntimeError,
    }
}
