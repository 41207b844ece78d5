//! Liveness and readiness.

use super::super::health::{ASKING_MAX_MS, FRESH_MS, STALE_MAX_MS};
use super::*;
use chassis::Clock as _;
use chassis::store::Store as _;

/// The number of functions behind the routes of the table, without the two optional ones.
fn asked(world: &World) -> usize {
    world.seen().iter().filter(|seen| seen.uri.ends_with("/readyz")).count()
}

async fn readiness(world: &World) -> (u16, Value) {
    let reply = world.send_empty("GET", "/readyz", &[]).await;
    assert_eq!(reply.header("content-type"), "application/health+json");
    (reply.status, serde_json::from_str(&reply.text).unwrap())
}

fn pass_ms(world: &World, ms: u64) {
    world.clock.advance(ms);
}

#[tokio::test]
async fn liveness_depends_on_no_function_and_readiness_on_all() {
    let world = World::new();
    assert_eq!(readiness(&world).await.0, 200);
    let asked: Vec<_> = world.seen().iter().map(|seen| seen.uri.clone()).collect();
    assert!(asked.contains(&"http://orders.spin.internal/readyz".to_owned()), "{asked:?}");
    assert!(!asked.iter().any(|uri| uri.contains("mailbox") || uri.contains("importer")));

    world.responds(|| Err(OutboundError::Connect("refused".into())));
    pass_ms(&world, FRESH_MS);
    let (status, body) = readiness(&world).await;
    assert_eq!((status, &body["status"]), (503, &json!("fail")));
    assert_eq!(body["checks"]["orders:readiness"][0]["status"], "fail");
    assert_eq!(world.send_empty("GET", "/livez", &[]).await.status, 200);
}

#[tokio::test]
async fn readiness_checks_are_cached() {
    let world = World::new();
    for _ in 0..100 {
        assert_eq!(readiness(&world).await.0, 200);
    }
    let once = asked(&world);
    assert!(once < 20, "{once}");
    pass_ms(&world, FRESH_MS - 1);
    readiness(&world).await;
    assert_eq!(asked(&world), once);
    pass_ms(&world, 1);
    readiness(&world).await;
    assert_eq!(asked(&world), 2 * once);
}

#[tokio::test]
async fn while_one_request_checks_others_get_the_last_result() {
    let world = World::new();
    readiness(&world).await;
    let once = asked(&world);
    pass_ms(&world, FRESH_MS);
    // A check that was started and never finished.
    let mut seen: Value = world.store.read("readiness").await.unwrap().unwrap();
    seen["asking_until_ms"] = json!(world.clock.now_ms() + ASKING_MAX_MS);
    world.store.write("readiness", &seen).await.unwrap();
    assert_eq!(readiness(&world).await.0, 200);
    assert_eq!(asked(&world), once, "the one who asks is waited for");
    pass_ms(&world, ASKING_MAX_MS);
    assert_eq!(readiness(&world).await.0, 200);
    assert_eq!(asked(&world), 2 * once, "and then is not");
}

/// A state in which the last result is too old, and another request checks.
async fn begin_check_elsewhere(world: &World) -> Value {
    readiness(world).await;
    let mut seen: Value = world.store.read("readiness").await.unwrap().unwrap();
    pass_ms(world, STALE_MAX_MS);
    seen["asking_until_ms"] = json!(world.clock.now_ms() + ASKING_MAX_MS);
    world.store.write("readiness", &seen).await.unwrap();
    seen
}

#[tokio::test]
async fn requests_without_a_usable_result_wait_for_the_running_check() {
    let world = World::new();
    let mut seen = begin_check_elsewhere(&world).await;
    let once = asked(&world);
    let finish = async {
        seen["at_ms"] = json!(world.clock.now_ms());
        seen["asking_until_ms"] = json!(0);
        world.store.write("readiness", &seen).await.unwrap();
    };
    let (one, other, ()) = tokio::join!(readiness(&world), readiness(&world), finish);
    assert_eq!((one.0, other.0), (200, 200));
    assert_eq!(asked(&world), once, "the result of the other request is used");
}

#[tokio::test]
async fn a_check_that_never_finishes_is_replaced_once() {
    let world = World::new();
    begin_check_elsewhere(&world).await;
    let once = asked(&world);
    let (one, other) = tokio::join!(readiness(&world), readiness(&world));
    assert_eq!((one.0, other.0), (200, 200));
    assert_eq!(asked(&world), 2 * once);
}

#[tokio::test]
async fn with_a_failing_store_the_shop_is_not_ready_and_checks_nothing() {
    let world = World::new();
    world.store_is_broken.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(readiness(&world).await.0, 503);
    }
    assert_eq!(asked(&world), 0);
}

#[tokio::test]
async fn readiness_requests_are_counted_as_reads() {
    let world = World::new();
    world.set(|settings| {
        let quotas = settings.quotas.as_mut().unwrap();
        quotas.read.limit = 1;
    });
    assert_eq!(world.send_empty("GET", "/readyz", &[]).await.status, 200);
    assert_eq!(world.send_empty("GET", "/readyz", &[]).await.status, 429);
    assert_eq!(world.send_empty("GET", "/livez", &[]).await.status, 200, "that costs nothing");
}
