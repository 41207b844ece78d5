//! Liveness and readiness.

use super::super::health::{ASKING_MAX_MS, FRESH_MS, STALE_MAX_MS};
use super::*;
use chassis::Clock as _;
use chassis::store::Store as _;

/// The number of functions behind the routes of the table, without the two optional ones.
fn asked(town: &Town) -> usize {
    town.seen().iter().filter(|seen| seen.uri.ends_with("/readyz")).count()
}

async fn readiness(town: &Town) -> (u16, Value) {
    let reply = town.ask("GET", "/readyz", &[]).await;
    assert_eq!(reply.header("content-type"), "application/health+json");
    (reply.status, serde_json::from_str(&reply.text).unwrap())
}

fn pass_ms(town: &Town, ms: u64) {
    town.clock.advance(ms);
}

#[tokio::test]
async fn liveness_depends_on_no_function_and_readiness_on_all() {
    let town = Town::new();
    assert_eq!(readiness(&town).await.0, 200);
    let asked: Vec<_> = town.seen().iter().map(|seen| seen.uri.clone()).collect();
    assert!(asked.contains(&"http://orders.spin.internal/readyz".to_owned()), "{asked:?}");
    assert!(!asked.iter().any(|uri| uri.contains("mailbox") || uri.contains("importer")));

    town.answers(|| Err(OutboundError::Connect("refused".into())));
    pass_ms(&town, FRESH_MS);
    let (status, body) = readiness(&town).await;
    assert_eq!((status, &body["status"]), (503, &json!("fail")));
    assert_eq!(body["checks"]["orders:readiness"][0]["status"], "fail");
    assert_eq!(town.ask("GET", "/livez", &[]).await.status, 200);
}

#[tokio::test]
async fn readiness_checks_are_cached() {
    let town = Town::new();
    for _ in 0..100 {
        assert_eq!(readiness(&town).await.0, 200);
    }
    let once = asked(&town);
    assert!(once < 20, "{once}");
    pass_ms(&town, FRESH_MS - 1);
    readiness(&town).await;
    assert_eq!(asked(&town), once);
    pass_ms(&town, 1);
    readiness(&town).await;
    assert_eq!(asked(&town), 2 * once);
}

#[tokio::test]
async fn while_one_request_checks_others_get_the_last_result() {
    let town = Town::new();
    readiness(&town).await;
    let once = asked(&town);
    pass_ms(&town, FRESH_MS);
    // A check that was started and never finished.
    let mut seen: Value = town.store.read("readiness").await.unwrap().unwrap();
    seen["asking_until_ms"] = json!(town.clock.now_ms() + ASKING_MAX_MS);
    town.store.write("readiness", &seen).await.unwrap();
    assert_eq!(readiness(&town).await.0, 200);
    assert_eq!(asked(&town), once, "the one who asks is waited for");
    pass_ms(&town, ASKING_MAX_MS);
    assert_eq!(readiness(&town).await.0, 200);
    assert_eq!(asked(&town), 2 * once, "and then is not");
}

/// A state in which the last result is too old, and another request checks.
async fn let_another_check(town: &Town) -> Value {
    readiness(town).await;
    let mut seen: Value = town.store.read("readiness").await.unwrap().unwrap();
    pass_ms(town, STALE_MAX_MS);
    seen["asking_until_ms"] = json!(town.clock.now_ms() + ASKING_MAX_MS);
    town.store.write("readiness", &seen).await.unwrap();
    seen
}

#[tokio::test]
async fn requests_without_a_usable_result_wait_for_the_running_check() {
    let town = Town::new();
    let mut seen = let_another_check(&town).await;
    let once = asked(&town);
    let finish = async {
        seen["at_ms"] = json!(town.clock.now_ms());
        seen["asking_until_ms"] = json!(0);
        town.store.write("readiness", &seen).await.unwrap();
    };
    let (one, other, ()) = tokio::join!(readiness(&town), readiness(&town), finish);
    assert_eq!((one.0, other.0), (200, 200));
    assert_eq!(asked(&town), once, "the result of the other request is used");
}

#[tokio::test]
async fn a_check_that_never_finishes_is_replaced_once() {
    let town = Town::new();
    let_another_check(&town).await;
    let once = asked(&town);
    let (one, other) = tokio::join!(readiness(&town), readiness(&town));
    assert_eq!((one.0, other.0), (200, 200));
    assert_eq!(asked(&town), 2 * once);
}

#[tokio::test]
async fn with_a_failing_store_the_shop_is_not_ready_and_checks_nothing() {
    let town = Town::new();
    town.store_is_broken.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(readiness(&town).await.0, 503);
    }
    assert_eq!(asked(&town), 0);
}

#[tokio::test]
async fn readiness_requests_are_counted_as_reads() {
    let town = Town::new();
    town.set(|settings| {
        let quotas = settings.quotas.as_mut().unwrap();
        quotas.read.limit = 1;
    });
    assert_eq!(town.ask("GET", "/readyz", &[]).await.status, 200);
    assert_eq!(town.ask("GET", "/readyz", &[]).await.status, 429);
    assert_eq!(town.ask("GET", "/livez", &[]).await.status, 200, "that costs nothing");
}
