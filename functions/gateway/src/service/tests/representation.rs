//! Conditional and compressed responses.

use super::*;
use bytes::Bytes;
use std::io::Read as _;

/// Long enough to be compressed.
fn long() -> String {
    json!({"items": vec!["the same words again"; 200]}).to_string()
}

fn responding(fields: &'static [(&'static str, &'static str)], body: Bytes) -> Respond {
    Arc::new(move || {
        let mut response = body.clone().into_response();
        for (name, value) in fields {
            headers::set(response.headers_mut(), name, value);
        }
        Ok(response)
    })
}

fn world(fields: &'static [(&'static str, &'static str)], body: String) -> World {
    let world = World::new();
    *world.respond.lock().unwrap() = responding(fields, body.into());
    world
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const PRODUCTS: &str = "/api/v1/products";
const GZIP: (&str, &str) = ("accept-encoding", "gzip, br");

async fn raw(world: &World, path: &str, fields: &[(&str, &str)]) -> (u16, HeaderMap, Bytes) {
    let reply = world.send_empty("GET", path, fields).await;
    (reply.status, reply.headers, reply.body)
}

#[tokio::test]
async fn a_response_without_a_tag_gets_one_and_is_not_sent_again() {
    let world = world(JSON, "{}".to_owned());
    let first = world.send_empty("GET", PRODUCTS, &[]).await;
    let tag = first.header("etag").to_owned();
    assert_eq!((first.status, tag.len()), (200, 18), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let again = world.send_empty("GET", PRODUCTS, &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!((again.header("etag"), again.header("vary")), (tag.as_str(), "accept-encoding"));
        assert_eq!((again.header("content-type"), again.header("content-length")), ("", ""));
    }
    let other = world.send_empty("GET", PRODUCTS, &[("if-none-match", "\"x\"")]).await;
    assert_eq!((other.status, other.text.as_str()), (200, "{}"));
}

#[tokio::test]
async fn a_tag_of_a_function_is_kept_and_used() {
    let own =
        &[("content-type", "application/json"), ("etag", "\"v7\""), ("cache-control", "no-store")];
    let world = world(own, long());
    let token = bearer(&[]);
    let ask = async |known: &str| {
        let fields = [("authorization", token.as_str()), ("if-none-match", known), GZIP];
        raw(&world, "/api/v1/users/me", &fields).await
    };
    let (status, headers, body) = ask("\"v6\"").await;
    assert_eq!((status, &headers["etag"]), (200, &HeaderValue::from_static("\"v7\"")));
    assert_eq!(body, long().into_bytes(), "personal responses are not compressed");
    let (status, headers, body) = ask("\"v7\"").await;
    assert_eq!((status, &headers["etag"]), (304, &HeaderValue::from_static("\"v7\"")));
    assert!(body.is_empty());
}

#[tokio::test]
async fn text_is_compressed_for_clients_that_accept_gzip() {
    let world = world(JSON, long());
    let (_, plain, body) = raw(&world, PRODUCTS, &[]).await;
    assert_eq!(body, long().into_bytes());
    assert_eq!(
        (&plain["vary"], plain.get("content-encoding")),
        (&HeaderValue::from_static("accept-encoding"), None)
    );
    let (status, headers, body) = raw(&world, PRODUCTS, &[GZIP]).await;
    assert_eq!((status, headers["content-encoding"].to_str().unwrap()), (200, "gzip"));
    assert_eq!(headers["content-length"], body.len().to_string());
    assert!(body.len() < long().len() / 4);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    assert_eq!(text, long());
    // The compressed representation has another tag, which also matches.
    let tag = headers["etag"].to_str().unwrap();
    assert_ne!(headers["etag"], plain["etag"]);
    let (status, headers, _) = raw(&world, PRODUCTS, &[GZIP, ("if-none-match", tag)]).await;
    assert_eq!((status, headers["etag"].to_str().unwrap()), (304, tag));
}

#[tokio::test]
async fn a_function_gets_the_tag_that_it_set() {
    let world = world(JSON, String::new());
    world.responds(|| Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, "\"v7\"")]).into_response()));
    let (status, headers, _) = raw(&world, "/", &[GZIP, ("if-none-match", "\"v7-gzip\"")]).await;
    assert_eq!((status, headers["etag"].to_str().unwrap()), (304, "\"v7-gzip\""));
    assert_eq!(world.seen()[0].headers["if-none-match"], "\"v7\"");
    let (_, headers, _) = raw(&world, "/", &[GZIP, ("if-none-match", "\"v7\"")]).await;
    assert_eq!(headers["etag"], "\"v7\"");
}

#[tokio::test]
async fn unsuitable_responses_are_not_compressed() {
    const CASES: [(&[(&str, &str)], usize); 4] = [
        (&[("content-type", "application/json")], 100),
        (&[("content-type", "image/png")], 9_000),
        (&[("content-type", "text/plain"), ("content-encoding", "br")], 9_000),
        (&[("content-type", "text/plain"), ("cache-control", "no-store")], 9_000),
    ];
    for (fields, length) in CASES {
        let world = world(fields, "x".repeat(length));
        let (status, headers, body) = raw(&world, PRODUCTS, &[GZIP]).await;
        assert_eq!((status, body.len()), (200, length), "{fields:?}");
        assert_ne!(headers.get("content-encoding"), Some(&HeaderValue::from_static("gzip")));
    }
    let world = world(JSON, long());
    let part = [GZIP, ("range", "bytes=0-9")];
    assert_eq!(raw(&world, PRODUCTS, &part).await.2, long().into_bytes());
    let refused = [("accept-encoding", "gzip;q=0")];
    assert_eq!(raw(&world, PRODUCTS, &refused).await.2, long().into_bytes());
    let head = world.send_empty("HEAD", PRODUCTS, &[GZIP]).await;
    assert_eq!((head.status, head.header("content-encoding")), (200, ""));
}

#[tokio::test]
async fn a_response_that_ends_early_becomes_a_problem() {
    let world = World::new();
    world.responds(|| {
        let parts = [Ok(Bytes::from("{")), Err(axum::Error::new(std::io::Error::other("reset")))];
        let mut response = Response::new(Body::from_stream(futures::stream::iter(parts)));
        headers::set(response.headers_mut(), "content-type", "application/json");
        headers::set(response.headers_mut(), "content-length", "20");
        Ok(response)
    });
    let reply = world.send_empty("GET", PRODUCTS, &[]).await;
    assert_eq!(reply.status, 502);
    assert_eq!(problem(&reply)["type"], "/problems/upstream-failed");
}
