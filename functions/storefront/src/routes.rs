//! What is answered under which address: the shop's page for every page that the router in
//! the browser knows, styles and scripts for ever, pictures from their SKU.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chassis::Problem;

use crate::{assets, pictures};

/// Scripts and styles of this origin only, none inline, no frames, no plug-ins.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
const ONE_DAY: &str = "public, max-age=86400";

/// All of the shop. Addresses without a page here are 404: a page for browsers, a problem
/// for programs.
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
        .route("/assets/{build}/{*path}", get(asset))
        .route("/images/{file}", get(image))
        .route("/favicon.svg", get(favicon))
        .route("/robots.txt", get(robots))
        .fallback(not_found)
        .layer(map_response(harden))
}

async fn index(headers: HeaderMap) -> Response {
    cached(&headers, assets::HTML, ASK_AGAIN, assets::index())
}

async fn asset(Path((build, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    match assets::find(&path) {
        Some(asset) if build == assets::build() => {
            cached(&headers, asset.content_type, FOR_EVER, asset.text)
        }
        _ => not_found(headers).await,
    }
}

async fn image(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let picture = match file.strip_suffix(".svg") {
        Some("mosaic") => Some(pictures::mosaic()),
        Some(sku) => pictures::product(sku),
        None => None,
    };
    match picture {
        Some(svg) => cached(&headers, assets::SVG, FOR_EVER, svg),
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
    let kind = [(header::CONTENT_TYPE, assets::HTML), (header::CACHE_CONTROL, ASK_AGAIN)];
    (StatusCode::NOT_FOUND, kind, assets::not_found()).into_response()
}

/// Browsers name `text/html` when a person goes somewhere; programs do not.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept
        .is_some_and(|accept| accept.split(',').any(|range| range.trim().starts_with("text/html")))
}

/// The contents, or 304 for who has them already.
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

/// Whether `If-None-Match` names this tag (RFC 9110, section 13.1.2: weakly compared).
fn matches(request: &HeaderMap, etag: &str) -> bool {
    let known = request.get_all(header::IF_NONE_MATCH).iter();
    known.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

async fn harden(mut response: Response) -> Response {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use tower::ServiceExt;

    use super::*;

    async fn send(method: &str, uri: &str, headers: &[(&str, &str)]) -> (Response<()>, String) {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let shop = chassis::app::router_with_problems(router());
        let response = shop.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
    }

    fn header(response: &Response<()>, name: &str) -> String {
        response.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[tokio::test]
    async fn every_page_of_the_shop_is_the_same_document() {
        let (_, home) = send("GET", "/", &[]).await;
        for path in [
            "/?q=tea&category=Kitchen",
            "/products/KIT-0001",
            "/cart",
            "/checkout",
            "/orders",
            "/orders/ord_1",
            "/notifications",
            "/sign-in",
            "/register",
        ] {
            let (response, page) = send("GET", path, &[]).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(header(&response, "content-type"), assets::HTML);
            assert_eq!(page, home, "{path}");
        }
    }

    #[tokio::test]
    async fn what_the_page_refers_to_is_there_and_may_be_kept_for_ever() {
        let (_, page) = send("GET", "/", &[]).await;
        let links = page.split('"').filter(|part| part.starts_with("/assets/"));
        for link in links {
            let (response, _) = send("GET", link, &[]).await;
            assert_eq!(response.status(), 200, "{link}");
            assert_eq!(header(&response, "cache-control"), FOR_EVER);
        }
        let stale = "/assets/0000000000000000/js/app.js";
        assert_eq!(send("GET", stale, &[]).await.0.status(), 404);
    }

    #[tokio::test]
    async fn who_has_the_contents_gets_304_and_no_body() {
        for path in ["/", "/images/KIT-0001.svg", "/favicon.svg"] {
            let etag = header(&send("GET", path, &[]).await.0, "etag");
            for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
                let (response, body) = send("GET", path, &[("if-none-match", &known)]).await;
                assert_eq!(response.status(), 304, "{path} {known}");
                assert_eq!((header(&response, "etag"), body), (etag.clone(), String::new()));
            }
            let (response, _) = send("GET", path, &[("if-none-match", "\"other\"")]).await;
            assert_eq!(response.status(), 200);
        }
    }

    #[tokio::test]
    async fn head_answers_like_get_without_a_body() {
        let (get, page) = send("GET", "/", &[]).await;
        let (head, body) = send("HEAD", "/", &[]).await;
        assert_eq!(head.status(), 200);
        assert_eq!(header(&head, "etag"), header(&get, "etag"));
        assert_eq!(header(&head, "content-length"), page.len().to_string());
        assert_eq!(body, "");
    }

    #[tokio::test]
    async fn another_method_is_refused_with_the_ones_that_are_allowed() {
        let (response, body) = send("POST", "/cart", &[]).await;
        assert_eq!(response.status(), 405);
        assert_eq!(header(&response, "allow"), "GET,HEAD");
        assert_eq!(header(&response, "content-type"), "application/problem+json");
        assert!(body.contains("\"status\":405"));
    }

    #[tokio::test]
    async fn nothing_found_is_a_page_for_people_and_a_problem_for_programs() {
        for path in ["/nowhere", "/products/a/b", "/images/x.png", "/images/a%2Fb.svg"] {
            let (response, body) = send("GET", path, &[("accept", "text/html,*/*;q=0.8")]).await;
            assert_eq!(response.status(), 404, "{path}");
            assert_eq!(header(&response, "content-type"), assets::HTML);
            assert!(body.contains("does not exist"));
            let (response, _) = send("GET", path, &[("accept", "application/json")]).await;
            assert_eq!(header(&response, "content-type"), "application/problem+json");
        }
    }

    #[tokio::test]
    async fn every_answer_is_hardened() {
        for path in ["/", "/images/KIT-0001.svg", "/nowhere"] {
            let (response, _) = send("GET", path, &[]).await;
            let policy = header(&response, "content-security-policy");
            assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"));
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        }
    }
}
