//! A client of a function's router.

use crate::app::router_with_problems;
use crate::auth::testing::Issuer;
use crate::events::Event;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower_service::Service;

/// Sends requests to a router. Clones, and clients with other headers, share the router.
#[derive(Clone)]
pub struct Client {
    router: Router,
    headers: HeaderMap,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The body as text.
    pub text: String,
    /// The body, if it is JSON; otherwise null.
    pub json: Value,
}

impl Client {
    /// A client of a function's router, which is completed as in the component
    /// ([`router_with_problems`]). It sends no credentials.
    pub fn new(router: Router) -> Self {
        Self::of(router_with_problems(router))
    }

    /// A client of this router as it is.
    pub fn of(router: Router) -> Self {
        Self { router, headers: HeaderMap::new() }
    }

    /// A client that also sends this header.
    ///
    /// # Panics
    /// If the name or the value is not valid.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        let (name, value): (HeaderName, HeaderValue) =
            (name.parse().expect("a header name"), value.parse().expect("a header value"));
        client.headers.insert(name, value);
        client
    }

    /// A client that sends this access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// A client with an access token for this user from the [`Issuer`] for tests.
    #[must_use]
    pub fn signed_in(&self, user_id: &str, roles: &[&str]) -> Self {
        self.with_token(&Issuer::new().token(user_id, roles))
    }

    /// A client with the access token of a customer.
    #[must_use]
    pub fn customer(&self, user_id: &str) -> Self {
        self.signed_in(user_id, &["customer"])
    }

    /// A client with the access token of an administrator, `usr_admin`.
    #[must_use]
    pub fn admin(&self) -> Self {
        self.signed_in("usr_admin", &["admin"])
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Reply {
        self.text("GET", path, "").await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.text("DELETE", path, "").await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.json("POST", path, body).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.json("PUT", path, body).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.json("PATCH", path, body).await
    }

    /// Any method with a JSON body.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.with("content-type", "application/json").text(method, path, &body.to_string()).await
    }

    /// Any method with any text as its body. Set its content type with [`Client::with`].
    pub async fn text(&self, method: &str, path: &str, body: &str) -> Reply {
        let method: Method = method.parse().expect("a method");
        let body = Body::from(body.to_owned());
        let request = Request::builder().method(method).uri(path).body(body);
        self.send(request.expect("a valid request")).await
    }

    /// Delivers an event to `/events`, in the structured mode of CloudEvents.
    pub async fn deliver(&self, event: &Event) -> Reply {
        let (headers, body) = tessera_cloudevents::http::to_structured(event);
        let mut request = Request::post("/events").body(Body::from(body)).expect("a valid request");
        request.headers_mut().extend(headers);
        self.send(request).await
    }

    /// Any request. Its own headers replace those of the client.
    pub async fn send(&self, mut request: Request<Body>) -> Reply {
        for (name, value) in &self.headers {
            request.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        let response = match self.router.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        Reply::read(response).await
    }
}

impl Reply {
    /// Reads a whole response.
    ///
    /// # Panics
    /// If its body ends early.
    pub async fn read(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("the body ended early").to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&body).into_owned();
        Self { status: head.status.as_u16(), headers: head.headers, body, text, json }
    }

    /// The value of a header; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or_default())
    }

    /// The entity tag; empty if there is none.
    pub fn etag(&self) -> &str {
        self.header("etag")
    }

    /// Status and JSON, for comparisons.
    pub fn parts(self) -> (u16, Value) {
        (self.status, self.json)
    }

    /// The JSON body of a response with this status.
    ///
    /// # Panics
    /// If the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// The problem of a response with this status and this type, for example `not-found`.
    ///
    /// # Panics
    /// If the status, the content type or the type of the problem is another one.
    #[track_caller]
    pub fn expect_problem(self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.problem()["type"], format!("/problems/{slug}"), "{}", self.text);
        self.json
    }

    /// The problem that this response is.
    ///
    /// # Panics
    /// If it is not a problem.
    #[track_caller]
    pub fn problem(&self) -> &Value {
        let content_type = self.header(header::CONTENT_TYPE.as_str());
        assert_eq!(content_type, "application/problem+json", "{}", self.text);
        assert_eq!(self.json["status"], self.status, "{}", self.text);
        &self.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Admin, AuthState, KeySet};
    use crate::events::Received;
    use crate::problem::Problem;
    use axum::Json;
    use axum::routing::{get, post};
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Clone)]
    struct Keys(KeySet);

    impl AuthState for Keys {
        type Keys = KeySet;

        fn keys(&self) -> &KeySet {
            &self.0
        }
    }

    fn client() -> Client {
        let echo = |headers: HeaderMap, Json(body): Json<Value>| async move {
            Json(json!({"body": body, "x": headers.get("x").map(|x| x.to_str().unwrap())}))
        };
        let routes = Router::new()
            .route("/echo", post(echo).put(echo).patch(echo))
            .route("/teapot", get(async || Problem::conflict("short and stout")))
            .route("/admin", get(async |_: Admin| "yes"))
            .route("/events", post(async |received: Received| received.0[0].id.clone()));
        Client::new(routes.with_state(Keys(Issuer::new().key_set())))
    }

    #[tokio::test]
    async fn json_goes_in_and_comes_out() {
        let client = client();
        let body = json!({"n": 1});
        let echoed = client.with("x", "y").post("/echo", &body).await.expect(200);
        assert_eq!(echoed, json!({"body": body, "x": "y"}));
        for reply in [client.put("/echo", &body).await, client.patch("/echo", &body).await] {
            assert_eq!(reply.parts(), (200, json!({"body": body, "x": null})));
        }
    }

    #[tokio::test]
    async fn problems_have_their_type() {
        let problem = client().get("/teapot").await.expect_problem(409, "conflict");
        assert_eq!(problem["detail"], "short and stout");
        client().get("/nowhere").await.expect_problem(404, "not-found");
        client().delete("/teapot").await.expect_problem(405, "method-not-allowed");
    }

    #[tokio::test]
    async fn tokens_are_those_that_functions_accept() {
        let client = client();
        client.get("/admin").await.expect_problem(401, "unauthorized");
        client.customer("usr_1").get("/admin").await.expect_problem(403, "forbidden");
        assert_eq!(client.admin().get("/admin").await.text, "yes");
    }

    #[tokio::test]
    async fn events_are_delivered() {
        let event = Event {
            id: "usr_1.1".into(),
            source: "/shop/identity".into(),
            kind: "com.shop.identity.user.registered.v1".into(),
            subject: Some("usr_1".into()),
            time: None,
            data_content_type: Some("application/json".into()),
            data_schema: None,
            extensions: BTreeMap::from([("sequence".into(), "1".into())]),
            data: "{}".into(),
        };
        assert_eq!(client().deliver(&event).await.text, "usr_1.1");
    }
}
