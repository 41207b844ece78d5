#![allow(clippy::unwrap_used)]

use chassis::testing::{Client, MemoryStore, Reply};

use super::*;

fn client(key: &str) -> Client {
    Client::new(router(App { inbox: Inbox::new(MemoryStore::new()), key: key.to_owned() }))
}

async fn send(client: &Client, key: &str, mail: &Value) -> Reply {
    client.with("idempotency-key", key).post("/messages", mail).await
}

fn mail(subject: &str) -> Value {
    json!({
        "to": "ada@example.org", "subject": subject, "text": "Hello <you>",
        "html": "<p title=\"x\">Hello</p><script>alert(1)</script>", "language": "en",
    })
}

#[tokio::test]
async fn a_mail_is_accepted_once_and_can_be_read() {
    let client = client("");
    let first = send(&client, "\"ntf_1\"", &mail("Hi")).await.expect(202);
    assert_eq!(send(&client, "ntf_1", &mail("Hi")).await.expect(202), first);
    let reused = send(&client, "ntf_1", &mail("Other")).await;
    reused.expect_problem(422, "idempotency-key-reused");
    let list = client.get("/mailbox.json").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["subject"], "Hi");
    assert!(client.get("/mailbox").await.text.contains(first["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_mail_is_shown_without_scripts_and_requests() {
    let client = client("");
    let subject = "<img src=x onerror=alert(1)>";
    let sent = send(&client, "k", &mail(subject)).await.expect(202);
    let path = format!("/mailbox/{}", sent["id"].as_str().unwrap());
    for page in [path.as_str(), "/mailbox"] {
        let reply = client.get(page).await;
        assert_eq!(reply.status, 200);
        assert!(!reply.text.contains("<script") && !reply.text.contains("<img"), "{reply:?}");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"));
    }
    let html = client.get(&path).await.text;
    assert!(html.contains("sandbox=\"\""));
    assert!(html.contains("srcdoc=\"&lt;p title=&quot;x&quot;&gt;"));
    assert!(html.contains("Hello &lt;you&gt;"));
}

#[tokio::test]
async fn an_unknown_message_has_a_page() {
    let reply = client("").get("/mailbox/msg_1").await;
    assert_eq!((reply.status, reply.header("content-type")), (404, "text/html; charset=utf-8"));
    let html = &reply.text;
    assert!(html.contains("Message not found") && html.contains("href=\"/mailbox\""), "{html}");
}

#[tokio::test]
async fn push_messages_have_a_separate_route() {
    let client = client("").with("idempotency-key", "k");
    let body = json!({"to": "usr_1", "title": "On its way", "body": "Look out", "language": "en"});
    let sent = client.post("/push", &body).await.expect(202);
    let page = client.get(&format!("/mailbox/{}", sent["id"].as_str().unwrap())).await.text;
    assert!(page.contains("Push message") && !page.contains("<iframe"));
}

#[tokio::test]
async fn senders_need_the_key_if_there_is_one() {
    let client = client("secret");
    send(&client, "k", &mail("Hi")).await.expect(401);
    send(&client.with_token("wrong"), "k", &mail("Hi")).await.expect(401);
    send(&client.with_token("secret"), "k", &mail("Hi")).await.expect(202);
    client.get("/mailbox/messages.json").await.expect(200);
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let client = client("");
    client.post("/messages", &mail("Hi")).await.expect(400);
    let invalid = json!({"to": "a b@c", "text": ""});
    let problem = send(&client, "k", &invalid).await.expect(422);
    let errors = problem["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = errors.map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/to", "/subject", "/text"]);
    client.get("/messages").await.expect(405);
}

#[tokio::test]
async fn mails_to_domains_that_can_not_exist_bounce() {
    let client = client("");
    let mut mail = mail("Hi");
    mail["to"] = json!("ada@nowhere.Invalid");
    send(&client, "ntf_1", &mail).await.expect_problem(422, "no-such-mailbox");
    let list = client.get("/mailbox.json").await.text;
    assert!(!list.contains("nowhere"), "{list}");
}
