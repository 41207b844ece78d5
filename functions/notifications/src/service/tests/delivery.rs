use super::*;
use crate::queue::PRIORITY_WAIT_MS;

/// Accepts messages while the provider is down, with the first letter of the id for priority.
async fn waiting(world: &World, ids: &[&str]) -> Shop<MemoryStore> {
    let shop = shop(MemoryStore::new(), world);
    world.answer(later());
    for id in ids {
        let mut request = request(id);
        request.priority = match &id[..1] {
            "h" => Priority::High,
            "l" => Priority::Low,
            _ => Priority::Normal,
        };
        request.variables.push(("name".into(), (*id).into()));
        shop.notify(request, NOW).await.unwrap();
    }
    world.answer(taken());
    world.0.lock().unwrap().delivered.clear();
    shop
}

#[tokio::test]
async fn what_is_urgent_goes_first_and_then_what_is_older() {
    let world = World::new();
    let shop = waiting(&world, &["n0", "l1", "n2", "h3", "n4", "h5"]).await;
    shop.sweep(NOW + 60_000).await.unwrap();
    let order: Vec<String> =
        world.texts().iter().map(|text| text[text.len() - 2..].into()).collect();
    assert_eq!(order, ["h3", "h5", "n0", "n2", "n4", "l1"]);
}

#[tokio::test]
async fn what_is_not_urgent_is_not_passed_over_for_ever() {
    let world = World::new();
    let shop = waiting(&world, &["n0", "l1", "h2"]).await;
    shop.sweep(NOW + 60_000 + PRIORITY_WAIT_MS).await.unwrap();
    let order: Vec<String> =
        world.texts().iter().map(|text| text[text.len() - 2..].into()).collect();
    assert_eq!(order, ["n0", "l1", "h2"]);
}

#[tokio::test]
async fn a_sweep_leaves_a_provider_alone_that_is_down() {
    let world = World::new();
    let ids: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
    let shop = waiting(&world, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.answer(later());
    let swept = shop.sweep(NOW + 60_000).await.unwrap();
    let row = SWEEP_DEFERRAL_COUNT_MAX;
    assert_eq!(swept, Swept { attempts: row, deferred: row, forgotten: 0 });
    world.answer(Outcome::Refused("no such mailbox".into()));
    let swept = shop.sweep(NOW + 60_000).await.unwrap();
    assert_eq!(swept.attempts, 20 - row, "hard bounces are answers, too");
}

#[tokio::test]
async fn a_message_that_always_fails_does_not_hold_up_the_others() {
    let world = World::new();
    let shop = waiting(&world, &["h0", "n1"]).await;
    world.answer(later());
    assert_eq!(
        shop.attempt("h0", NOW + 60_000).await.unwrap(),
        super::super::delivery::Tried::Deferred
    );
    world.answer(taken());
    let swept = shop.sweep(NOW + 61_000).await.unwrap();
    assert_eq!((swept.attempts, swept.deferred), (1, 0));
}

#[tokio::test]
async fn a_rest_of_a_clock_that_went_wrong_is_no_rest() {
    let world = World::new();
    let shop = waiting(&world, &["n0"]).await;
    assert_eq!(shop.is_resting(NOW + 1).await, Ok(true));
    assert_eq!(shop.is_resting(NOW + REST_MS).await, Ok(false));
    assert_eq!(shop.is_resting(1).await, Ok(false));
}
