//! How an answer travels to this client: not at all if the client has it already, and compressed
//! if the client can read that.
//!
//! Done once, here, for everything behind the gateway, so that it holds on every host. A function
//! may set an `ETag` of its own; an answer that may be kept and has none gets one made of its
//! bytes. Answers that are somebody's own (`no-store`) are never compressed: where a secret and
//! something that a stranger chose are compressed together, the length tells of the secret.

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

/// Longest answer that is looked into, in bytes; a longer one passes as it is.
const EXAMINED_BYTES_MAX: u64 = 512 * 1024;
/// Shortest answer that is compressed, in bytes: below, it would not be fewer packets.
const COMPRESSED_BYTES_MIN: usize = 1_024;
/// How hard to compress, from 1 to 9: further up it costs more than it saves.
const COMPRESSION_LEVEL: u32 = 4;

/// What the client said about the form of the answer.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    method: Method,
    gzip: bool,
    part: bool,
    known: Validators,
}

impl Wanted {
    /// Reads it, and gives the request on with validators as functions know them.
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

    /// The answer in that form. An answer that breaks off while it is read becomes a problem.
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
            read_limited(body, kind.bytes_max()).await.map_err(|_| super::answer::broken())?;
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

    /// 304, with the tag by which the client knows the answer (RFC 9110, section 15.4.5).
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

/// Tells caches that the form depends on what the client can read.
fn varying(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// What an answer is, as far as its form goes.
struct Kind {
    /// Caches may keep it.
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

/// The bytes compressed, if they are worth it and become fewer.
fn compressed(bytes: &Bytes) -> Option<Bytes> {
    if bytes.len() < COMPRESSED_BYTES_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(COMPRESSION_LEVEL));
    encoder.write_all(bytes).ok()?;
    let smaller = encoder.finish().ok()?;
    (smaller.len() < bytes.len()).then(|| smaller.into())
}
