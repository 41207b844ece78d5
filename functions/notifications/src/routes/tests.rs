#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::{Body, to_bytes};
use chassis::auth::testing::Issuer;
use chassis::store::MemoryStore;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::domain::Outcome;
use crate::service::tests::{World, request, shop};

struct Site {
    router: Router,
    notifications: crate::service::tests::Shop<MemoryStore>,
    world: World,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let notifications = shop(MemoryStore::new(), &world);
        let app = App { notifications: notifications.clone(), keys: Issuer::new().key_set() };
        Site { router: chassis::app::router_with_problems(router(app)), notifications, world }
    }

    async fn send(
        &self,
        user_id: Option<&str>,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let mut request =
            Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(user_id) = user_id {
            let roles: &[&str] = if user_id == "usr_admin" { &["admin"] } else { &[] };
            let token = Issuer::new().token(user_id, roles);
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, user_id: &str, path: &str) -> (u16, Value) {
        self.send(Some(user_id), "GET", path, Value::Null).await
    }
}

#[tokio::test]
async fn readers_see_their_own_messages_page_by_page() {
    let site = Site::new();
    for id in ["a", "b", "c"] {
        site.notifications.notify(request(id), now_ms()).await.unwrap();
    }
    let (status, page) = site.get("usr_1", "/api/v1/notifications?limit=2").await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 2));
    let newest = &page["items"][0];
    assert_eq!((&newest["status"], &newest["channel"]), (&json!("sent"), &json!("email")));
    assert_eq!(newest["template_code"], "greeting");
    assert_eq!(newest["subject"], "Hello Ada");
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/v1/notifications?cursor={cursor}");
    let (_, rest) = site.get("usr_1", &next).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert_eq!(site.get("usr_2", &next).await.0, 400, "a cursor is of one reader");
    assert_eq!(site.get("usr_2", "/api/v1/notifications").await.1["items"], json!([]));
    let one = format!("/api/v1/notifications/{}", newest["id"].as_str().unwrap());
    assert_eq!(site.get("usr_1", &one).await.0, 200);
    assert_eq!(site.get("usr_2", &one).await.0, 404);
}

#[tokio::test]
async fn strangers_are_asked_for_a_token() {
    let site = Site::new();
    for path in ["/api/v1/notifications", "/api/v1/notifications/preferences"] {
        assert_eq!(site.send(None, "GET", path, Value::Null).await.0, 401, "{path}");
    }
}

#[tokio::test]
async fn preferences_are_kept_and_checked() {
    let site = Site::new();
    let path = "/api/v1/notifications/preferences";
    assert_eq!(site.get("usr_1", path).await.1, json!({"email": true, "push": true}));
    let wanted = json!({"email": false, "push": true});
    assert_eq!(site.send(Some("usr_1"), "PUT", path, wanted.clone()).await, (200, wanted.clone()));
    assert_eq!(site.get("usr_1", path).await.1, wanted);
    let faulty = json!({"email": "yes", "sms": true});
    let (status, problem) = site.send(Some("usr_1"), "PUT", path, faulty).await;
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!((status, pointers), (422, vec![json!("/email"), json!("/push"), json!("/sms")]));
}

#[tokio::test]
async fn a_failure_is_told_with_its_reason_and_a_sweep_says_what_it_did() {
    let site = Site::new();
    site.world.answer(Outcome::Refused("no such mailbox".into()));
    site.notifications.notify(request("a"), now_ms()).await.unwrap();
    let (_, page) = site.get("usr_1", "/api/v1/notifications").await;
    assert_eq!(page["items"][0]["status"], "failed");
    assert_eq!(page["items"][0]["reason"], "no such mailbox");
    let nothing = json!({"attempts": 0, "deferred": 0, "forgotten": 0});
    assert_eq!(site.send(None, "POST", "/sweep", Value::Null).await, (200, nothing));
}

const ADMIN: Option<&str> = Some("usr_admin");
const PATH: &str = "/api/v1/notifications";

fn body() -> Value {
    json!({
        "request_id": "r-1", "notification_type": "email", "user_id": "usr_1",
        "template_code": "greeting", "variables": {"order_id": "7"},
        "priority": "high", "metadata": {"campaign": "spring"},
    })
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn administrators_ask_for_messages_once() {
    let site = Site::new();
    assert_eq!(site.send(Some("usr_1"), "POST", PATH, body()).await.0, 403);
    let (status, first) = site.send(ADMIN, "POST", PATH, body()).await;
    assert_eq!((status, &first["status"]), (202, &json!("pending")));
    assert_eq!(site.send(ADMIN, "POST", PATH, body()).await, (202, first.clone()));
    let path = format!("{PATH}/{}", first["notification_id"].as_str().unwrap());
    assert_eq!(site.send(ADMIN, "GET", &path, Value::Null).await.1["status"], "sent");
    assert_eq!(site.get("usr_1", PATH).await.1["items"].as_array().unwrap().len(), 1);

    let mut other = body();
    other["metadata"]["campaign"] = json!("autumn");
    let (status, problem) = site.send(ADMIN, "POST", PATH, other).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/request-id-reused")));
}

#[tokio::test]
async fn every_fault_is_pointed_at_before_anything_is_queued() {
    let site = Site::new();
    let faulty = json!({
        "request_id": "", "notification_type": "sms", "user_id": "usr_1",
        "template_code": "greeting", "variables": {"a/b": 7}, "priority": "urgent", "x": 1,
    });
    let (status, problem) = site.send(ADMIN, "POST", PATH, faulty).await;
    let expected = ["/request_id", "/notification_type", "/variables/a~1b", "/priority", "/x"];
    assert_eq!((status, pointers(&problem)), (422, expected.to_vec()));

    for (member, value, pointer) in [
        ("variables", json!({}), "/variables/order_id"),
        ("template_code", json!("missing"), "/template_code"),
        ("user_id", json!("nobody"), "/user_id"),
        ("language", json!("en_GB"), "/language"),
        ("request_id", json!("a b"), "/request_id"),
    ] {
        let mut body = body();
        body[member] = value;
        let (status, problem) = site.send(ADMIN, "POST", PATH, body).await;
        assert_eq!((status, pointers(&problem)), (422, vec![pointer]));
    }
    let (_, queues) = site.send(ADMIN, "GET", "/api/v1/admin/queues", Value::Null).await;
    for queue in queues["items"].as_array().unwrap() {
        assert_eq!(queue["length"], 0, "{queue}");
    }
}

#[tokio::test]
async fn operators_see_what_failed_and_why_and_send_it_after_all() {
    let site = Site::new();
    site.world.answer(Outcome::Refused("no such mailbox".into()));
    site.send(ADMIN, "POST", PATH, body()).await;
    let path = "/api/v1/admin/queues/failed.queue";
    assert_eq!(site.get("usr_1", path).await.0, 403);
    let (status, page) = site.send(ADMIN, "GET", path, Value::Null).await;
    let failed = &page["items"][0];
    assert_eq!((status, &failed["reason"]), (200, &json!("no such mailbox")));
    assert_eq!((&failed["attempts"], &failed["priority"]), (&json!(1), &json!("high")));
    assert_eq!(failed["metadata"], json!({"campaign": "spring"}));
    assert!(failed["first_seen_at"].is_string() && !page.to_string().contains("ada@"));

    site.world.answer(Outcome::Delivered("msg_1".into()));
    let id = failed["notification_id"].as_str().unwrap();
    let replay = format!("{path}/{id}/replay");
    assert_eq!(site.get("usr_1", &replay).await.0, 405);
    assert_eq!(site.send(Some("usr_1"), "POST", &replay, Value::Null).await.0, 403);
    let (status, answer) = site.send(ADMIN, "POST", &replay, Value::Null).await;
    assert_eq!((status, answer), (202, json!({"notification_id": id, "status": "pending"})));
    assert_eq!(site.send(ADMIN, "POST", &replay, Value::Null).await.0, 409, "it is sent");
    let nobody = format!("{path}/ntf_1/replay");
    assert_eq!(site.send(ADMIN, "POST", &nobody, Value::Null).await.0, 404);
    assert_eq!(site.send(ADMIN, "GET", "/api/v1/admin/queues/sms", Value::Null).await.0, 404);
}

impl Site {
    /// Delivers an event as the platform does.
    async fn deliver(&self, event: &chassis::events::Event) -> u16 {
        let mut request = Request::post("/events")
            .header("content-type", "application/json")
            .header("ce-specversion", "1.0")
            .header("ce-id", &event.id)
            .header("ce-source", &event.source)
            .header("ce-type", &event.kind)
            .header("ce-sequence", &event.extensions["sequence"]);
        if let Some(subject) = &event.subject {
            request = request.header("ce-subject", subject);
        }
        let request = request.body(Body::from(event.data.clone())).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn events_are_acknowledged_refused_or_wanted_again() {
    use crate::service::tests::announcing::{event, order};
    let site = Site::new();
    assert_eq!(site.deliver(&order("confirmed")).await, 204);
    assert_eq!(site.deliver(&order("confirmed")).await, 204);
    assert_eq!(site.deliver(&order("placed")).await, 204);
    let unknown = event("com.shop.orders.order.eaten.v1", "ord_1", 9, &json!({}));
    assert_eq!(site.deliver(&unknown).await, 204);
    let mut broken = order("rejected");
    broken.data = "{}".to_owned();
    assert_eq!(site.deliver(&broken).await, 422);
    let page = site.notifications.records(0, 10).await.unwrap();
    assert_eq!(page.entries.len(), 1);
}

#[tokio::test]
async fn operators_see_how_fresh_the_copies_of_users_are() {
    use crate::service::tests::announcing::event;
    let site = Site::new();
    let path = "/api/v1/admin/projections/users";
    assert_eq!(site.get("usr_1", path).await.0, 403);
    let empty = json!({
        "name": "users", "entries": 0, "last_event_at": null, "last_received_at": null,
        "staleness_ms": null,
    });
    assert_eq!(site.send(ADMIN, "GET", path, Value::Null).await.1, empty);
    let id = "usr_0192f0c1-0000-7000-8000-000000000001";
    let data = json!({"user_id": id, "email": "a@b.c", "name": "A", "language": "en"});
    let event = event("com.shop.identity.user.updated.v1", id, 1, &data);
    assert_eq!(site.deliver(&event).await, 204);
    let (_, view) = site.send(ADMIN, "GET", path, Value::Null).await;
    assert_eq!(view["entries"], 1);
    assert!(view["last_event_at"].is_string() && view["staleness_ms"].is_u64(), "{view}");
}
