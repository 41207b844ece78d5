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
        "/account",
        "/forgot",
        "/reset?token=secret",
    ] {
        let (response, page) = send("GET", path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "content-type"), assets::HTML);
        assert_eq!(page, home, "{path}");
    }
}

#[tokio::test]
async fn files_of_the_page_exist_and_are_immutable() {
    let (_, page) = send("GET", "/", &[]).await;
    let links = page.split('"').filter(|part| part.starts_with("/assets/"));
    for link in links {
        let (response, _) = send("GET", link, &[]).await;
        assert_eq!(response.status(), 200, "{link}");
        assert_eq!(header(&response, "cache-control"), IMMUTABLE);
    }
    let stale = "/assets/0000000000000000/js/app.js";
    assert_eq!(send("GET", stale, &[]).await.0.status(), 404);
}

#[tokio::test]
async fn a_client_that_has_the_contents_gets_304_without_a_body() {
    for path in ["/", "/images/KIT-0001.svg", "/images/NEW-1.svg", "/favicon.svg"] {
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
async fn head_is_answered_like_get_without_a_body() {
    let (get, page) = send("GET", "/", &[]).await;
    let (head, body) = send("HEAD", "/", &[]).await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "etag"), header(&get, "etag"));
    assert_eq!(header(&head, "content-length"), page.len().to_string());
    assert_eq!(body, "");
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let (response, body) = send("POST", "/cart", &[]).await;
    assert_eq!(response.status(), 405);
    assert_eq!(header(&response, "allow"), "GET,HEAD");
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert!(body.contains("\"status\":405"));
}

#[tokio::test]
async fn a_url_with_a_secret_is_never_sent_as_a_referrer() {
    let (response, _) = send("GET", "/reset?token=secret", &[]).await;
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    let (response, _) = send("GET", "/forgot", &[]).await;
    assert_eq!(header(&response, "referrer-policy"), "same-origin");
}

#[tokio::test]
async fn an_unknown_url_is_a_page_for_browsers_and_a_problem_for_other_clients() {
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
async fn every_response_has_security_headers() {
    for path in ["/", "/images/KIT-0001.svg", "/nowhere"] {
        let (response, _) = send("GET", path, &[]).await;
        let policy = header(&response, "content-security-policy");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"));
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn pictures_are_svg_and_cached_for_a_day() {
    for path in ["/images/KIT-0001.svg", "/images/NEW-1.svg", "/images/mosaic.svg"] {
        let (response, body) = send("GET", path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "content-type"), assets::SVG);
        assert_eq!(header(&response, "cache-control"), ONE_DAY);
        assert!(body.starts_with("<svg "), "{path}");
    }
}
