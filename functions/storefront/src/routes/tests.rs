#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chassis::testing::{Client, Reply};

use super::*;

async fn get(path: &str) -> Reply {
    Client::new(router()).get(path).await
}

async fn get_with(path: &str, name: &str, value: &str) -> Reply {
    Client::new(router()).with(name, value).get(path).await
}

#[tokio::test]
async fn every_page_of_the_shop_is_the_same_document() {
    let home = get("/").await.text;
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
        let page = get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, assets::HTML), "{path}");
        assert_eq!(page.text, home, "{path}");
    }
}

#[tokio::test]
async fn files_of_the_page_exist_and_are_immutable() {
    let page = get("/").await.text;
    let links = page.split('"').filter(|part| part.starts_with("/assets/"));
    for link in links {
        let file = get(link).await;
        assert_eq!((file.status, file.header("cache-control")), (200, IMMUTABLE), "{link}");
    }
    let stale = "/assets/0000000000000000/js/app.js";
    assert_eq!(get(stale).await.status, 404);
}

#[tokio::test]
async fn a_client_that_has_the_contents_gets_304_without_a_body() {
    for path in ["/", "/images/KIT-0001.svg", "/images/NEW-1.svg", "/favicon.svg"] {
        let etag = get(path).await.etag().to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            let reply = get_with(path, "if-none-match", &known).await;
            assert_eq!((reply.status, reply.text.as_str()), (304, ""), "{path} {known}");
            assert_eq!(reply.etag(), etag);
        }
        assert_eq!(get_with(path, "if-none-match", "\"other\"").await.status, 200);
    }
}

#[tokio::test]
async fn head_gets_the_fields_of_get_without_a_body() {
    let page = get("/").await;
    let head = Client::new(router()).text("HEAD", "/", "").await;
    assert_eq!((head.status, head.text.as_str(), head.etag()), (200, "", page.etag()));
    assert_eq!(head.header("content-length"), page.body.len().to_string());
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let reply = Client::new(router()).text("POST", "/cart", "").await;
    assert_eq!(reply.header("allow"), "GET,HEAD");
    reply.expect_problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_url_with_a_secret_is_never_sent_as_a_referrer() {
    let policy = async |path| get(path).await.header("referrer-policy").to_owned();
    assert_eq!(policy("/reset?token=secret").await, "no-referrer");
    assert_eq!(policy("/forgot").await, "same-origin");
}

#[tokio::test]
async fn an_unknown_url_is_a_page_for_browsers_and_a_problem_for_other_clients() {
    for path in ["/nowhere", "/products/a/b", "/images/x.png", "/images/a%2Fb.svg"] {
        let page = get_with(path, "accept", "text/html,*/*;q=0.8").await;
        assert_eq!((page.status, page.header("content-type")), (404, assets::HTML), "{path}");
        assert!(page.text.contains("does not exist"));
        get_with(path, "accept", "application/json").await.expect_problem(404, "not-found");
    }
}

#[tokio::test]
async fn every_response_has_security_headers() {
    for path in ["/", "/images/KIT-0001.svg", "/nowhere"] {
        let reply = get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn pictures_are_svg_and_cached_for_a_day() {
    for path in ["/images/KIT-0001.svg", "/images/NEW-1.svg", "/images/mosaic.svg"] {
        let picture = get(path).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, assets::SVG), "{path}");
        assert_eq!(picture.header("cache-control"), ONE_DAY);
        assert!(picture.text.starts_with("<svg "), "{path}");
    }
}
