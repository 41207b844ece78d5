//! Conditional and compressed responses: 304 if the client already has the response, and gzip if
//! the client accepts it.
//!
//! The gateway does this for all functions, so that it works on every host. A function may set its
//! own `ETag`; a cacheable response without one gets a digest of its bytes. Personal responses
//! (`no-store`) are never compressed: if a secret is compressed together with data that an attacker
//! chose, the length reveals the secret.

use super::header_of;
use crate::domain::validators::{self, Validators};
use axum::body::{Body, HttpBody as _};
use axum::response::Response;
use bytes::Bytes;
use chassis::form::read_limited;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::io::Write as _;

/// Longest response that is processed, in bytes. Longer ones are passed on unchanged.
const EXAMINED_BYTES_MAX: u64 = 512 * 1024;
/// Shortest response that is compressed, in bytes. Compressing shorter ones would not save a
/// packet.
const COMPRESSED_BYTES_MIN: usize = 1_024;
/// The compression level, from 1 to 9. Higher levels cost more than they save.
const COMPRESSION_LEVEL: u32 = 4;

/// What the request says about the representation.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    method: Method,
    gzip: bool,
    part: bool,
    known: Validators,
}

impl Wanted {
    /// Reads it, and rewrites the validators of the request to those of the functions.
    pub(super) fn of(request: &mut Request<Body>) -> Self {
        let accepted = header_of(request, "accept-encoding").unwrap_or_default();
        let wanted = Self {
            method: request.method().clone(),
            gzip: validators::accepts_gzip(&accepted),
            part: request.headers().contains_key(header::RANGE),
            known: Validators::of(request.headers(), &header::IF_NONE_MATCH),
        };
        validators::as_functions_know_them(request.headers_mut());
        wanted
    }

    /// The response in that representation. A response that ends early becomes a problem.
    pub(super) async fn apply(&self, response: Response) -> chassis::Result<Response> {
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        match response.status() {
            StatusCode::OK if is_read && !self.part => self.select(response).await,
            StatusCode::NOT_MODIFIED => Ok(self.unmodified(varying(response))),
            _ => Ok(response),
        }
    }

    async fn select(&self, response: Response) -> chassis::Result<Response> {
        let kind = Kind::of(&response);
        let response = if kind.compressible { varying(response) } else { response };
        if self.is_known(response.headers()) {
            return Ok(self.unmodified(response));
        }
        if self.method == Method::HEAD || !kind.kept || !kind.short {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let bytes =
            read_limited(body, kind.bytes_max()).await.map_err(|_| super::response::broken())?;
        if !parts.headers.contains_key(header::ETAG) {
            let tag = format!("\"{}\"", validators::digest(&bytes));
            super::headers::set(&mut parts.headers, "etag", &tag);
            if self.is_known(&parts.headers) {
                return Ok(self.unmodified(Response::from_parts(parts, Body::empty())));
            }
        }
        let compressed = (self.gzip && kind.compressible).then(|| compressed(&bytes)).flatten();
        let bytes = compressed.map_or(bytes, |smaller| {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            validators::mark_compressed(&mut parts.headers);
            smaller
        });
        parts.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        Ok(Response::from_parts(parts, Body::from(bytes)))
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        tag.is_some_and(|tag| self.known.has(tag))
    }

    /// 304, with the tag that the client knows (RFC 9110, section 15.4.5).
    fn unmodified(&self, response: Response) -> Response {
        let (mut parts, _) = response.into_parts();
        parts.status = StatusCode::NOT_MODIFIED;
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
            parts.headers.remove(name);
        }
        let tag = parts.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
        if tag.is_some_and(|tag| self.known.has_compressed(tag)) {
            validators::mark_compressed(&mut parts.headers);
        }
        Response::from_parts(parts, Body::empty())
    }
}

/// Declares that the response depends on `Accept-Encoding`.
fn varying(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// The properties of a response that decide its representation.
struct Kind {
    /// Caches may store it.
    kept: bool,
    compressible: bool,
    short: bool,
}

impl Kind {
    fn of(response: &Response) -> Self {
        let text = |name| {
            let value =
                response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.unwrap_or_default().to_ascii_lowercase()
        };
        let kept = !text(header::CACHE_CONTROL).contains("no-store");
        let plain = !response.headers().contains_key(header::CONTENT_ENCODING);
        let length = response.body().size_hint().exact();
        let length = length.or_else(|| text(header::CONTENT_LENGTH).parse().ok());
        Self {
            kept,
            compressible: kept && plain && is_text(&text(header::CONTENT_TYPE)),
            short: length.is_some_and(|length| length <= EXAMINED_BYTES_MAX),
        }
    }

    fn bytes_max(&self) -> usize {
        usize::try_from(EXAMINED_BYTES_MAX).unwrap_or(usize::MAX)
    }
}

/// Pictures and fonts are compressed already, and an event stream has no end.
fn is_text(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let (kind, name) = media_type.split_once('/').unwrap_or_default();
    match kind {
        "text" => name != "event-stream",
        "application" => {
            ["json", "javascript", "xml"].contains(&name)
                || name.ends_with("+json")
                || name.ends_with("+xml")
        }
        "image" => name == "svg+xml",
        _ => false,
    }
}

/// The compressed bytes, if the body is long enough and gets shorter.
fn compressed(bytes: &Bytes) -> Option<Bytes> {
    if bytes.len() < COMPRESSED_BYTES_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(COMPRESSION_LEVEL));
    encoder.write_all(bytes).ok()?;
    let smaller = encoder.finish().ok()?;
    (smaller.len() < bytes.len()).then(|| smaller.into())
}
