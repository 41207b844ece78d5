//! The storefront's pages, styles, scripts and pictures are forwarded unchanged.

use super::*;
use chassis::quota::Quota;

#[tokio::test]
async fn a_page_request_is_forwarded_unchanged() {
    let world = World::new();
    let headers = [("accept", "text/html"), ("if-none-match", "\"1\""), ("range", "bytes=0-1")];
    for path in ["/", "/?q=tea%20pot", "/products/A-1", "/assets/0/js/app.js", "/favicon.svg"] {
        assert_eq!(world.send_empty("GET", path, &headers).await.status, 200, "{path}");
        let seen = world.seen().pop().unwrap();
        assert_eq!(seen.uri, format!("http://storefront.spin.internal{path}"));
        for (name, value) in headers {
            assert_eq!(seen.headers[name], value);
        }
    }
}

#[tokio::test]
async fn header_fields_of_a_page_are_forwarded() {
    let world = World::new();
    let own = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("etag", "\"1\""),
        ("content-security-policy", "script-src 'self'"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=()"),
    ];
    for (status, text) in [(200, "<!doctype html>"), (404, "<!doctype html>"), (304, "")] {
        world.responds(move || {
            let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
            for (name, value) in own {
                headers::set(response.headers_mut(), name, value);
            }
            Ok(response)
        });
        let reply = world.send_empty("GET", "/cart", &[]).await;
        assert_eq!((reply.status, reply.text.as_str()), (status, text));
        for (name, value) in own {
            // A response without a body has no content type.
            let value = if status == 304 && name == "content-type" { "" } else { value };
            assert_eq!(reply.header(name), value, "{status} {name}");
        }
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        let reply = world.send_empty("HEAD", "/cart", &[]).await;
        assert_eq!((reply.status, reply.text.as_str()), (status, ""));
        assert_eq!(reply.header("etag"), "\"1\"");
        assert_eq!(world.seen().pop().unwrap().method, Method::HEAD);
    }
}

#[tokio::test]
async fn pages_need_no_sign_in_and_no_quota() {
    let world = World::new();
    let one = Quota { limit: 1, window_s: 60 };
    world.set(|settings| {
        settings.quotas = Some(Quotas {
            read: one,
            write: one,
            credentials: one,
            credentials_address: one,
            ..Quotas::default()
        });
    });
    for _ in 0..3 {
        let reply = world.send_empty("GET", "/", &[("authorization", "Bearer worthless")]).await;
        assert_eq!((reply.status, reply.header("ratelimit")), (200, ""));
    }
    assert!(world.calls.lock().unwrap().is_empty());
    assert!(world.seen().iter().all(|seen| !seen.headers.contains_key("authorization")));
}

#[tokio::test]
async fn other_methods_reach_the_storefront_without_their_body() {
    let world = World::new();
    let request = Request::post("/cart").header("content-length", "999999");
    let reply = world.send(request.body(Body::from(vec![b'x'; 999_999])).unwrap()).await;
    assert_eq!(reply.status, 200, "the storefront says what it takes");
    let seen = world.seen().pop().unwrap();
    assert_eq!((seen.method, seen.body.len()), (Method::POST, 0));
    assert!(!seen.headers.contains_key("content-length"));
}

#[tokio::test]
async fn an_ambiguous_path_is_not_forwarded_as_a_page() {
    let world = World::new();
    for path in ["//", "/products/../cart", "/products/%2e%2e/cart", "/images/a%2Fb.svg"] {
        assert_eq!(world.send_empty("GET", path, &[]).await.status, 400, "{path}");
    }
    assert_eq!(world.seen().len(), 0);
}
