//! The documentation of problem types.

use super::*;
use std::collections::BTreeSet;

const JSON: (&str, &str) = ("accept", "application/json");
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn json_of(reply: &Reply) -> Value {
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    serde_json::from_str(&reply.text).unwrap()
}

#[tokio::test]
async fn every_type_has_an_html_page_and_json() {
    let world = World::new();
    let list = json_of(&world.send_empty("GET", "/problems", &[JSON]).await);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), ProblemType::ALL.len());
    let index = world.send_empty("GET", "/problems", &[BROWSER]).await;
    for (kind, item) in ProblemType::ALL.iter().zip(items) {
        let path = kind.path();
        assert!(index.text.contains(&format!("href=\"{path}\"")), "{path}");
        let data = json_of(&world.send_empty("GET", path, &[JSON]).await);
        assert_eq!((&data, &data["type"]), (item, &json!(path)));
        for fields in [&[BROWSER][..], &[][..]] {
            let page = world.send_empty("GET", path, fields).await;
            let content_type = page.header("content-type");
            assert_eq!((page.status, content_type), (200, "text/html; charset=utf-8"), "{path}");
            assert!(page.text.contains(&format!("<code>{path}</code>")), "{}", page.text);
        }
    }
    assert!(world.seen().is_empty(), "no function has to be up for that");
}

#[tokio::test]
async fn an_unknown_type_is_not_found() {
    let world = World::new();
    for path in [
        "/problems/no-such-thing",
        "/problems/Not-Found",
        "/problems/",
        "/problems/not-found/",
        "/problems/not-found/x",
    ] {
        let reply = world.send_empty("GET", path, &[]).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(problem(&reply)["type"], "/problems/not-found");
    }
    let reply = world.send_empty("POST", "/problems/not-found", &[]).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD, OPTIONS"));
    assert_eq!(world.send_empty("GET", "/problems?q=x", &[]).await.status, 400);
    assert!(world.seen().is_empty());
}

#[tokio::test]
async fn both_representations_are_cacheable_and_vary_by_accept() {
    let world = World::new();
    let mut tags = BTreeSet::new();
    for path in ["/problems", "/problems/cart-full"] {
        for form in [BROWSER, JSON] {
            let first = world.send_empty("GET", path, &[form]).await;
            assert_eq!(first.header("cache-control"), "public, max-age=300");
            assert!(first.headers.get_all("vary").iter().any(|value| value == "accept"));
            let tag = first.header("etag");
            assert!(tags.insert(tag.to_owned()), "{tag} is that of another form");
            let again = world.send_empty("GET", path, &[form, ("if-none-match", tag)]).await;
            assert_eq!((again.status, again.text.as_str()), (304, ""));
            let head = world.send_empty("HEAD", path, &[form]).await;
            assert_eq!((head.status, head.text.as_str()), (200, ""));
            assert_eq!(head.header("content-type"), first.header("content-type"));
        }
    }
}

#[tokio::test]
async fn problem_pages_are_not_counted() {
    let world = World::new();
    for _ in 0..3 {
        let reply = world.send_empty("GET", "/problems/quota-exceeded", &[]).await;
        assert_eq!((reply.status, reply.header("ratelimit")), (200, ""));
    }
    assert!(world.calls.lock().unwrap().is_empty());
}
