//! HTTP routes: one document for all pages, whose scripts render the page of the URL, scripts and
//! styles with unlimited caching, and pictures of products by SKU.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chassis::Problem;

use crate::{assets, pictures};

/// Allows scripts and styles of this origin only, none inline, no frames and no plug-ins.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";
const ONE_DAY: &str = "public, max-age=86400";

/// Returns the routes of the shop. Unknown URLs get 404: a page for browsers, a
/// problem for other clients.
pub fn router() -> Router {
    Router::new()
        .route("/", get(index))
        .route("/products/{sku}", get(index))
        .route("/cart", get(index))
        .route("/checkout", get(index))
        .route("/orders", get(index))
        .route("/orders/{id}", get(index))
        .route("/notifications", get(index))
        .route("/sign-in", get(index))
        .route("/register", get(index))
        .route("/account", get(index))
        .route("/forgot", get(index))
        .route("/reset", get(index_without_referrer))
        .route("/assets/{build}/{*path}", get(asset))
        .route("/images/{file}", get(image))
        .route("/favicon.svg", get(favicon))
        .route("/robots.txt", get(robots))
        .fallback(not_found)
        .layer(map_response(add_security_headers))
}

async fn index(headers: HeaderMap) -> Response {
    cached(&headers, assets::HTML, REVALIDATE, assets::index())
}

/// Serves a page whose URL contains a secret, which must not leak in the `Referer` header.
async fn index_without_referrer(headers: HeaderMap) -> Response {
    ([(header::REFERRER_POLICY, "no-referrer")], index(headers).await).into_response()
}

async fn asset(Path((build, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    match assets::find(&path) {
        Some(asset) if build == assets::build() => {
            cached(&headers, asset.content_type, IMMUTABLE, asset.text)
        }
        _ => not_found(headers).await,
    }
}

async fn image(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let picture = match file.strip_suffix(".svg") {
        Some("mosaic") => Some(pictures::MOSAIC.into()),
        Some(sku) => pictures::product(sku),
        None => None,
    };
    match picture {
        Some(svg) => cached(&headers, assets::SVG, ONE_DAY, svg),
        None => not_found(headers).await,
    }
}

async fn favicon(headers: HeaderMap) -> Response {
    cached(&headers, assets::SVG, ONE_DAY, assets::FAVICON)
}

async fn robots(headers: HeaderMap) -> Response {
    cached(&headers, "text/plain; charset=utf-8", ONE_DAY, "User-agent: *\nDisallow: /api/\n")
}

async fn not_found(headers: HeaderMap) -> Response {
    if !prefers_html(&headers) {
        return Problem::not_found("There is nothing at this address.").into_response();
    }
    let kind = [(header::CONTENT_TYPE, assets::HTML), (header::CACHE_CONTROL, REVALIDATE)];
    (StatusCode::NOT_FOUND, kind, assets::not_found()).into_response()
}

/// Returns whether `Accept` names `text/html`, as browsers do for navigations only.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept
        .is_some_and(|accept| accept.split(',').any(|range| range.trim().starts_with("text/html")))
}

/// Returns the contents, or 304 if the client already has them.
fn cached(
    request: &HeaderMap,
    content_type: &'static str,
    cache: &'static str,
    text: impl AsRef<str> + IntoResponse,
) -> Response {
    let etag = format!("\"{}\"", assets::digest([text.as_ref()]));
    let headers = [(header::CACHE_CONTROL, cache), (header::ETAG, etag.as_str())];
    if matches(request, &etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Returns whether `If-None-Match` contains this tag (RFC 9110, section 13.1.2: weak comparison).
fn matches(request: &HeaderMap, etag: &str) -> bool {
    let known = request.get_all(header::IF_NONE_MATCH).iter();
    known.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

async fn add_security_headers(mut response: Response) -> Response {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in fixed {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
