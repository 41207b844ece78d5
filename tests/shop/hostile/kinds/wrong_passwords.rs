//! Many wrong passwords at once: each costs a hash, which takes much time and memory by design.

use crate::hostile::{Seen, Visitor};
use crate::support::{Api, unique};
use futures::future::join_all;
use harness::Answer;
use http::Method;
use serde_json::json;

const COUNT: usize = 64;

/// Signs in with many wrong passwords at once, each for another email address.
pub(crate) async fn at_once(api: &Api) -> Vec<Option<Answer>> {
    join_all((0..COUNT).map(async |number: usize| {
        let email = format!("{}-{number}@example.org", unique().to_lowercase());
        let guess = json!({"email": email, "password": "a guess at her password"});
        let (path, json) = ("/api/v1/sessions", Some("application/json"));
        api.try_send(Method::POST, path, json, guess.to_string()).await
    }))
    .await
}

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    at_once(&visitor.api).await.into_iter().collect()
}
