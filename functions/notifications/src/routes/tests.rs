#![allow(clippy::unwrap_used)]

use chassis::testing::{Client, MemoryStore};
use serde_json::{Value, json};

use super::*;
use crate::domain::Outcome;
use crate::service::tests::events::{event, order, user};
use crate::service::tests::{Shop, World, request};

const PATH: &str = "/api/v1/notifications";

/// The router, the client of its customer `usr_1`, and that of an administrator.
struct Site {
    shop: Shop<MemoryStore>,
    world: World,
    anonymous: Client,
    customer: Client,
    admin: Client,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let shop = world.shop();
        let anonymous = Client::new(router(shop.clone()));
        let (customer, admin) = (anonymous.customer("usr_1"), anonymous.admin());
        Site { shop, world, anonymous, customer, admin }
    }
}

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
async fn users_see_their_own_messages_in_pages() {
    let site = Site::new();
    for id in ["a", "b", "c"] {
        site.shop.notify(request(id)).await.unwrap();
    }
    let page = site.customer.get(&format!("{PATH}?limit=2")).await.expect(200);
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut found = ids(&page);
    assert_eq!(found.len(), 2);
    let newest = &page["items"][0];
    assert_eq!((&newest["status"], &newest["channel"]), (&json!("sent"), &json!("email")));
    assert_eq!(newest["template_code"], "greeting");
    assert_eq!(newest["subject"], "Hello Ada");
    let next = format!("{PATH}?cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = site.customer.get(&next).await.expect(200);
    found.extend(ids(&rest));
    assert_eq!((found.len(), &rest["next_cursor"]), (3, &Value::Null));
    assert!(found.is_sorted_by(|newer, older| newer > older), "{found:?}");
    let other = site.anonymous.customer("usr_2");
    other.get(&next).await.expect(400);
    assert_eq!(other.get(PATH).await.expect(200)["items"], json!([]));
    let one = format!("{PATH}/{}", newest["id"].as_str().unwrap());
    site.customer.get(&one).await.expect(200);
    other.get(&one).await.expect(404);
    other.get(&format!("{PATH}/ntf_1")).await.expect(404);
    for path in [PATH, "/api/v1/notifications/preferences"] {
        site.anonymous.get(path).await.expect(401);
    }
}

#[tokio::test]
async fn preferences_are_stored_and_validated() {
    let site = Site::new();
    let path = "/api/v1/notifications/preferences";
    assert_eq!(site.customer.get(path).await.expect(200), json!({"email": true, "push": true}));
    let wanted = json!({"email": false, "push": true});
    assert_eq!(site.customer.put(path, &wanted).await.expect(200), wanted);
    assert_eq!(site.customer.get(path).await.expect(200), wanted);
    let invalid = json!({"email": "yes", "sms": true});
    let problem = site.customer.put(path, &invalid).await.expect(422);
    assert_eq!(pointers(&problem), ["/email", "/push", "/sms"]);
}

#[tokio::test]
async fn a_failed_message_has_a_reason_and_a_sweep_reports_its_work() {
    let site = Site::new();
    site.world.set_outcome(Outcome::Refused("no such mailbox".into()));
    site.shop.notify(request("a")).await.unwrap();
    let page = site.customer.get(PATH).await.expect(200);
    assert_eq!(page["items"][0]["status"], "failed");
    assert_eq!(page["items"][0]["reason"], "no such mailbox");
    let nothing = json!({"looked_at": 0, "finished": 0, "left": 0, "failed": 0, "expired": 0});
    assert_eq!(site.anonymous.post("/sweep", &Value::Null).await.expect(200), nothing);
}

#[tokio::test]
async fn administrators_request_a_message_once() {
    let site = Site::new();
    site.customer.post(PATH, &body()).await.expect(403);
    let first = site.admin.post(PATH, &body()).await.expect(202);
    assert_eq!(first["status"], "pending");
    assert_eq!(site.admin.post(PATH, &body()).await.expect(202), first);
    let path = format!("{PATH}/{}", first["notification_id"].as_str().unwrap());
    assert_eq!(site.admin.get(&path).await.expect(200)["status"], "sent");
    let page = site.customer.get(PATH).await.expect(200);
    assert_eq!((page["items"].as_array().unwrap().len(), site.world.delivered()), (1, 1));

    let mut other = body();
    other["metadata"]["campaign"] = json!("autumn");
    site.admin.post(PATH, &other).await.expect_problem(422, "request-id-reused");
}

#[tokio::test]
async fn all_faults_are_reported_and_nothing_is_queued() {
    let site = Site::new();
    let invalid = json!({
        "request_id": "", "notification_type": "sms", "user_id": "usr_1",
        "template_code": "greeting", "variables": {"a/b": 7}, "priority": "urgent", "x": 1,
    });
    let problem = site.admin.post(PATH, &invalid).await.expect(422);
    let expected = ["/request_id", "/notification_type", "/variables/a~1b", "/priority", "/x"];
    assert_eq!(pointers(&problem), expected);

    for (member, value, pointer) in [
        ("variables", json!({}), "/variables/order_id"),
        ("template_code", json!("missing"), "/template_code"),
        ("user_id", json!("unknown"), "/user_id"),
        ("language", json!("en_GB"), "/language"),
        ("request_id", json!("a b"), "/request_id"),
    ] {
        let mut body = body();
        body[member] = value;
        let problem = site.admin.post(PATH, &body).await.expect(422);
        assert_eq!(pointers(&problem), [pointer]);
    }
    let queues = site.admin.get("/api/v1/admin/queues").await.expect(200);
    for queue in queues["items"].as_array().unwrap() {
        assert_eq!(queue["length"], 0, "{queue}");
    }
    assert_eq!(site.world.delivered(), 0);
    site.admin.post(PATH, &body()).await.expect(202);
}

#[tokio::test]
async fn operators_see_failed_messages_and_replay_them() {
    let site = Site::new();
    site.world.set_outcome(Outcome::Refused("no such mailbox".into()));
    site.admin.post(PATH, &body()).await.expect(202);
    let path = "/api/v1/admin/queues/failed.queue";
    site.customer.get(path).await.expect(403);
    let page = site.admin.get(path).await.expect(200);
    let failed = &page["items"][0];
    assert_eq!(failed["reason"], "no such mailbox");
    assert_eq!((&failed["attempts"], &failed["priority"]), (&json!(1), &json!("high")));
    assert_eq!(failed["metadata"], json!({"campaign": "spring"}));
    assert!(failed["first_seen_at"].is_string() && !page.to_string().contains("ada@"));

    site.world.set_outcome(Outcome::Delivered("msg_1".into()));
    let id = failed["notification_id"].as_str().unwrap();
    let replay = format!("{path}/{id}/replay");
    site.customer.get(&replay).await.expect(405);
    site.customer.post(&replay, &Value::Null).await.expect(403);
    let reply = site.admin.post(&replay, &Value::Null).await.expect(202);
    assert_eq!(reply, json!({"notification_id": id, "status": "pending"}));
    assert_eq!(site.admin.get(path).await.expect(200)["items"], json!([]));
    let texts = site.world.texts();
    assert_eq!((texts.len(), &texts[0]), (2, &texts[1]), "it is sent with the same text");
    let sent = site.admin.get(&format!("{PATH}/{id}")).await.expect(200);
    assert_eq!(sent["status"], "sent");
    site.admin.post(&replay, &Value::Null).await.expect_problem(409, "conflict");
    site.admin.post(&format!("{path}/ntf_1/replay"), &Value::Null).await.expect(404);
    site.admin.get("/api/v1/admin/queues/sms").await.expect(404);
}

#[tokio::test]
async fn events_are_acknowledged_or_refused() {
    let site = Site::new();
    let unknown = event("orders.order.eaten", "ord_1", 9, &json!({}));
    for event in [order("confirmed"), order("confirmed"), order("placed"), unknown] {
        site.anonymous.deliver(&event).await.expect(204);
    }
    let mut broken = order("rejected");
    broken.data = "{}".to_owned();
    site.anonymous.deliver(&broken).await.expect(422);
    assert_eq!(site.shop.books(0, 10).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn operators_see_the_freshness_of_the_copies_of_users() {
    let site = Site::new();
    let path = "/api/v1/admin/projections/users";
    site.customer.get(path).await.expect(403);
    let empty = json!({
        "name": "users", "entries": 0, "last_event_at": null, "last_received_at": null,
        "staleness_ms": null,
    });
    assert_eq!(site.admin.get(path).await.expect(200), empty);
    let data = json!({"email": "a@b.c", "name": "A", "language": "en"});
    site.anonymous.deliver(&user("updated", 1, data)).await.expect(204);
    let view = site.admin.get(path).await.expect(200);
    assert_eq!(view["entries"], 1);
    assert!(view["last_event_at"].is_string() && view["staleness_ms"].is_u64(), "{view}");
}
