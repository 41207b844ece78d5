#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chassis::store::MemoryStore;
use tower::ServiceExt;

use super::*;

struct Site(Router);

impl Site {
    fn new() -> Self {
        Site::with_key("")
    }

    fn with_key(key: &str) -> Self {
        let inbox = Inbox::new(MemoryStore::new());
        let router = router(Desk { inbox, key: key.to_owned() });
        Site(chassis::app::router_with_problems(router))
    }

    async fn send(&self, request: Request<Body>) -> (u16, HeaderMap, String) {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let (status, _, body) = self.send(request).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, HeaderMap, String) {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }
}

fn a_mail(subject: &str) -> Value {
    json!({
        "to": "ada@example.org", "subject": subject, "text": "Hello <you>",
        "html": "<p title=\"x\">Hello</p><script>alert(1)</script>", "language": "en",
    })
}

#[tokio::test]
async fn a_mail_is_taken_once_and_can_be_read() {
    let site = Site::new();
    let (status, first) = site.post("/messages", Some("\"ntf_1\""), &a_mail("Hi")).await;
    assert_eq!(status, 202);
    let (_, again) = site.post("/messages", Some("ntf_1"), &a_mail("Hi")).await;
    assert_eq!(first, again);
    assert_eq!(site.post("/messages", Some("ntf_1"), &a_mail("Other")).await.0, 422);
    let (_, _, list) = site.get("/mailbox.json").await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["subject"], "Hi");
    assert!(site.get("/mailbox").await.2.contains(first["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_mail_is_shown_where_it_can_do_nothing() {
    let site = Site::new();
    let subject = "<img src=x onerror=alert(1)>";
    let (_, made) = site.post("/messages", Some("k"), &a_mail(subject)).await;
    let path = format!("/mailbox/{}", made["id"].as_str().unwrap());
    for page in [path.as_str(), "/mailbox"] {
        let (status, headers, html) = site.get(page).await;
        assert_eq!(status, 200);
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"));
    }
    let (_, _, html) = site.get(&path).await;
    assert!(html.contains("sandbox=\"\""));
    assert!(html.contains("srcdoc=\"&lt;p title=&quot;x&quot;&gt;"));
    assert!(html.contains("Hello &lt;you&gt;"));
}

#[tokio::test]
async fn a_message_that_is_not_there_has_a_page() {
    let (status, headers, html) = Site::new().get("/mailbox/msg_1").await;
    assert_eq!(
        (status, headers["content-type"].to_str().unwrap()),
        (404, "text/html; charset=utf-8")
    );
    assert!(html.contains("Message not found") && html.contains("href=\"/mailbox\""), "{html}");
}

#[tokio::test]
async fn push_messages_have_their_own_door() {
    let site = Site::new();
    let body = json!({"to": "usr_1", "title": "On its way", "body": "Look out", "language": "en"});
    let (status, made) = site.post("/push", Some("k"), &body).await;
    assert_eq!(status, 202);
    let (_, _, page) = site.get(&format!("/mailbox/{}", made["id"].as_str().unwrap())).await;
    assert!(page.contains("Push message") && !page.contains("<iframe"));
}

#[tokio::test]
async fn senders_need_the_key_if_there_is_one() {
    let site = Site::with_key("secret");
    assert_eq!(site.post("/messages", Some("k"), &a_mail("Hi")).await.0, 401);
    for (sent, status) in [("Bearer wrong", 401), ("Bearer secret", 202)] {
        let request = Request::post("/messages")
            .header("content-type", "application/json")
            .header("idempotency-key", "k")
            .header("authorization", sent);
        let request = request.body(Body::from(a_mail("Hi").to_string())).unwrap();
        assert_eq!(site.send(request).await.0, status, "{sent}");
    }
    assert_eq!(site.get("/mailbox/messages.json").await.0, 200);
}

#[tokio::test]
async fn bad_input_is_explained() {
    let site = Site::new();
    assert_eq!(site.post("/messages", None, &a_mail("Hi")).await.0, 400);
    let (status, problem) =
        site.post("/messages", Some("k"), &json!({"to": "a b@c", "text": ""})).await;
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!((status, pointers), (422, vec![json!("/to"), json!("/subject"), json!("/text")]));
    assert_eq!(site.get("/messages").await.0, 405);
}

#[tokio::test]
async fn mails_to_domains_that_can_not_exist_bounce() {
    let site = Site::new();
    let mut mail = a_mail("Hi");
    mail["to"] = json!("ada@nowhere.Invalid");
    let (status, problem) = site.post("/messages", Some("ntf_1"), &mail).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/no-such-mailbox")));
    let (_, _, list) = site.get("/mailbox.json").await;
    assert!(!list.contains("nowhere"), "{list}");
}
