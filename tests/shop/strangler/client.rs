//! A customer, who knows the API of the older shop.

use harness::{Answer, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// The timeout for what reaches the other side by an event.
const SOON: Duration = Duration::from_secs(60);

/// A customer with a session.
#[derive(Clone)]
pub(super) struct Client {
    /// The number of the customer.
    pub(super) id: u64,
    /// The address.
    pub(super) email: String,
    inner: harness::Client,
}

impl Client {
    /// A new account.
    pub(super) async fn register(visitor: harness::Client, number: usize) -> Self {
        let email = format!("customer-{number}@example.com");
        let new = json!({"email": email, "name": "Ada", "password": "a password of nine words"});
        let created = visitor.post("/legacy/api/users", &new).await.expect(201).json();
        let session = created["session"].as_str().expect("a session");
        let inner = visitor.with("x-session", session);
        Self { id: created["id"].as_u64().expect("a number"), email, inner }
    }

    /// Places an order; returns its number, and the side that did it.
    pub(super) async fn place(&self, reference: &str) -> (String, String) {
        let order = json!({
            "reference": reference,
            "articles": [{"article": "OLD-0001", "pieces": 2}, {"article": "OLD-0003", "pieces": 1}],
            "ship_to": {
                "name": "Ada", "street": "1 Main St", "city": "London", "zip": "N1", "country": "GB",
            },
            "card": "tok_approved",
        });
        let answer = self.inner.post("/legacy/api/orders", &order).await.expect(201);
        let placed = answer.json();
        assert_eq!(
            (&placed["state"], &placed["total"]),
            (&"paid".into(), &"16.95".into()),
            "{placed}"
        );
        (placed["order"].as_str().expect("a number").to_owned(), side(&answer))
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &str) -> Value {
        self.inner.get(path).await.expect(200).json()
    }

    /// The side that answers a read.
    pub(super) async fn side_of(&self, path: &str) -> String {
        side(&self.inner.get(path).await.expect(200))
    }

    /// Reads something until it is as expected.
    pub(super) async fn eventually_reads(&self, path: &str, is_right: impl Fn(&Value) -> bool) {
        eventually(path, SOON, async || {
            let answer = self.inner.get(path).await;
            (answer.status == 200 && is_right(&answer.json())).then_some(())
        })
        .await;
    }
}

/// The side that has answered.
fn side(answer: &Answer) -> String {
    answer.headers["x-served-by"].to_str().expect("a name").to_owned()
}
