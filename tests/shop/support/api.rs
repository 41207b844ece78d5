//! A client that compares each response with the description of the API.

use super::Description;
use bytes::Bytes;
use harness::{Answer, Client};
use http::Method;
use hyper::body::Incoming;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The timeout for an overloaded shop.
const OVERLOAD: Duration = Duration::from_secs(120);
/// The pause before a refused request is repeated.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(200);

/// A client of the API.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    description: Arc<Description>,
}

impl Api {
    pub(crate) fn new(client: Client, description: Arc<Description>) -> Self {
        Self { client, description }
    }

    /// The same client with another header field for all requests.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.client.with(name, value), self.description.clone())
    }

    /// The same client with an access token.
    #[must_use]
    pub(crate) fn bearer(&self, token: &str) -> Self {
        Self::new(self.client.bearer(token), self.description.clone())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.to_string()).await
    }

    /// The same, repeated while the shop refuses it because too many passwords are being checked.
    pub(crate) async fn post_when_free(&self, path: &str, body: &Value) -> Answer {
        let end = Instant::now() + OVERLOAD;
        loop {
            let answer = self.post(path, body).await;
            if answer.status != 503 || Instant::now() >= end {
                return answer;
            }
            tokio::time::sleep(OVERLOAD_PAUSE).await;
        }
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some("application/json"), body.to_string()).await
    }

    /// `POST` without a body.
    pub(crate) async fn ask(&self, path: &str) -> Answer {
        self.send(Method::POST, path, None, "").await
    }

    /// `POST` of a form.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), form).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Answer {
        let answer = self.client.send(method.clone(), path, content_type, body.into()).await;
        self.description.check(&method, path, &answer);
        answer
    }

    /// The same for a shop that may be killed; none if there is no response.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Option<Answer> {
        let sent = self.client.try_send(method.clone(), path, content_type, body.into()).await;
        let answer = sent.ok()?;
        self.description.check(&method, path, &answer);
        Some(answer)
    }

    /// The body of a stream of events, after a check of its head.
    pub(crate) async fn events(&self, path: &str) -> Incoming {
        let response = self.client.stream(Method::GET, path, None, Bytes::new()).await;
        let (head, body) = response.expect("an answer").into_parts();
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(head.headers["content-type"], "text/event-stream", "{path}");
        body
    }

    /// All items of a list, page by page.
    pub(crate) async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        /// More pages than any scenario creates.
        const PAGES_MAX: usize = 10_000;
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES_MAX {
            let page = self.get(&format!("{path}{mark}limit={limit}{cursor}")).await.expect(200);
            let page = page.json();
            let some = page["items"].as_array().expect("items");
            assert!(some.len() <= limit, "{} items of {limit}", some.len());
            items.extend(some.iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return items };
            assert!(!some.is_empty(), "an empty page has a next one");
            cursor = format!("&cursor={next}");
        }
        panic!("{path} has more than {PAGES_MAX} pages");
    }
}
