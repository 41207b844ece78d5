//! Quotas and overload.

use crate::hostile::wrong_passwords;
use crate::support::{Customer, Shop, unique};
use futures::future::{join_all, ready};
use futures::{StreamExt, stream};
use harness::Answer;
use serde_json::json;

/// More attempts than the quota of an account allows, even if some of it returns in the meantime.
const ATTEMPTS_MAX: usize = 200;
/// Concurrent attempts: enough for the quota to run out, and few for the queue of password checks.
const CONCURRENT: usize = 8;

#[tokio::test]
async fn attempts_to_sign_in_are_limited_per_account() {
    let shop = Shop::shared().await;
    let email = format!("{}@example.org", unique().to_lowercase());
    let guess = json!({"email": email, "password": "a guess at her password"});
    let visitor = shop.visitor();
    let attempts = stream::iter(0..ATTEMPTS_MAX).map(|_| visitor.post("/api/v1/sessions", &guess));
    let answers = attempts.buffer_unordered(CONCURRENT);
    let mut refusals = answers.filter(|answer| ready(answer.status == 429)).boxed_local();
    let refused = refusals.next().await.expect("a refusal");
    assert!(refused.header("ratelimit-policy").contains("credentials"), "{refused:?}");
    let problem = refused.problem(429);
    assert_eq!(problem["type"], "/problems/quota-exceeded");
    let retry_after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=120).contains(&retry_after), "{retry_after}");
    assert!(refused.header("ratelimit").contains("\"credentials\";r=0"), "{refused:?}");
    // Another account can be used from the same address.
    Customer::new(shop).await;
}

#[tokio::test]
async fn many_concurrent_guesses_do_not_affect_others() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    let visitor = shop.visitor();
    let guesses = wrong_passwords::at_once(&visitor);
    let looks =
        join_all((0..16).map(|_| async { ada.api.get("/api/v1/users/me").await.status.as_u16() }));
    let (guesses, looks) = futures::join!(guesses, looks);
    assert!(looks.iter().all(|status| *status == 200), "{looks:?}");
    // Every guess gets a response, possibly to retry later, or that it waited until its deadline on
    // a slow machine.
    let status = |guess: &Option<Answer>| guess.as_ref().map(|answer| answer.status.as_u16());
    let guesses: Vec<_> = guesses.iter().map(status).collect();
    let expected = [Some(401), Some(503), Some(504)];
    assert!(guesses.iter().all(|status| expected.contains(status)), "{guesses:?}");
}
