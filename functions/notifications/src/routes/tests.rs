#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::{Body, to_bytes};
use chassis::auth::testing::Issuer;
use chassis::store::MemoryStore;
use http::Request;
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
            request = request
                .header("authorization", format!("Bearer {}", Issuer::new().token(user_id, &[])));
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
    assert_eq!(site.send(None, "POST", "/sweep", Value::Null).await, (200, json!({"attempts": 0})));
}
