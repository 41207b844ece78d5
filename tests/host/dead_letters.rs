//! Dead letters, and replays by the operator.

use crate::support::{Backend, admin_post, assert_problem, event, eventually, publish, subscribed};
use bytes::Bytes;
use harness::Host;
use http::Method;
use serde_json::{Value, json};

const ALL: &str = r#"{ types = ["com.test.*"], path = "$backend" }"#;

/// The dead letters, once there is this number.
async fn dead_letters(host: &Host, count: usize) -> Vec<Value> {
    let mut letters = vec![];
    eventually(async || {
        let answer = host.admin().get("/dead-letters").await.expect(200).json();
        letters = answer["dead_letters"].as_array().expect("a list").clone();
        (letters.len() == count).then_some(())
    })
    .await;
    letters
}

#[tokio::test]
async fn a_rejected_event_is_a_dead_letter_and_other_keys_continue() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1")]).await;
    backend.next().await.answer(422, "no such thing");
    dead_letters(&host, 1).await;
    publish(&host, &[event("b", "b1")]).await;
    let next = backend.next().await;
    assert_eq!(next.header("ce-id"), "b1");
    next.answer(204, "");
    let letters = dead_letters(&host, 1).await;
    let letter = &letters[0];
    assert_eq!(letter["subscription"], "subscriber");
    assert_eq!(letter["reason"], "rejected");
    assert_eq!(letter["detail"], "422: no such thing");
    assert_eq!(letter["attempts"], 1);
    assert_eq!(letter["entry"]["event"]["id"], "a1");
    assert_eq!(letter["entry"]["event"]["data"]["id"], "a1");
    assert!(letter["first_seen_at_ms"].as_u64() <= letter["died_at_ms"].as_u64(), "{letter}");
}

#[tokio::test]
async fn an_operator_can_replay_a_dead_letter() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1")]).await;
    backend.next().await.answer(400, "");
    let id = dead_letters(&host, 1).await[0]["id"].as_str().expect("an id").to_owned();
    admin_post(&host, &format!("/dead-letters/{id}/replay")).await.expect(204);
    let again = backend.next().await;
    assert_eq!(again.header("ce-id"), "a1");
    again.answer(204, "");
    dead_letters(&host, 0).await;
    let gone = admin_post(&host, &format!("/dead-letters/{id}/replay")).await;
    assert_problem(&gone, 404, "not-found");
}

#[tokio::test]
async fn later_events_of_a_dead_letters_key_are_held_and_replayed_in_order() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a/b", "a1"), event("a/b", "a2"), event("a/b", "a3")]).await;
    backend.next().await.answer(400, "");
    let id = dead_letters(&host, 1).await[0]["id"].as_str().expect("an id").to_owned();
    // Another key is delivered; the rest of this one is held.
    publish(&host, &[event("b", "b1")]).await;
    let other = backend.next().await;
    assert_eq!(other.header("ce-id"), "b1");
    other.answer(204, "");
    eventually(async || {
        let all = host.admin().get("/subscriptions").await.expect(200).json();
        let one = &all["subscriptions"][0];
        (one["held_events"] == 2 && one["lag_events"] == 2).then_some(())
    })
    .await;
    let answer = admin_post(&host, "/subscriptions/subscriber/keys/a%2Fb/replay").await;
    assert_eq!(answer.expect(200).json(), json!({ "events": 3 }));
    for expected in ["a1", "a2", "a3"] {
        let received = backend.next().await;
        assert_eq!(received.header("ce-id"), expected);
        received.answer(204, "");
    }
    dead_letters(&host, 0).await;
    let none = admin_post(&host, "/subscriptions/subscriber/keys/a%2Fb/replay").await;
    assert_problem(&none, 404, "not-found");
    let path = format!("/dead-letters/{id}");
    let gone = host.admin().send(Method::DELETE, &path, None, Bytes::new()).await;
    assert_problem(&gone, 404, "not-found");
    let anonymous = harness::Client::new(&format!("http://{}", host.admin_address()));
    let refused = anonymous.send(Method::DELETE, &path, None, Bytes::new()).await;
    assert_problem(&refused, 401, "unauthorized");
}

#[tokio::test]
async fn replays_and_personal_data_need_the_admin_token() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1")]).await;
    backend.next().await.answer(400, "");
    let id = dead_letters(&host, 1).await[0]["id"].as_str().expect("an id").to_owned();
    let anonymous = harness::Client::new(&format!("http://{}", host.admin_address()));
    for client in [anonymous.clone(), anonymous.bearer("guessed"), anonymous.bearer("")] {
        for path in [format!("/dead-letters/{id}/replay"), "/subscriptions/x/replay".to_owned()] {
            let answer = client.send(Method::POST, &path, None, Bytes::new()).await;
            assert_problem(&answer, 401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        // Events may contain personal data.
        for path in ["/dead-letters", "/events", "/traces", "/traces?trace_id=1"] {
            assert_problem(&client.get(path).await, 401, "unauthorized");
        }
        for path in ["/livez", "/metrics", "/components", "/subscriptions"] {
            client.get(path).await.expect(200);
        }
    }
    dead_letters(&host, 1).await;
    assert_eq!(
        anonymous.get(&format!("/dead-letters/{id}/replay")).await.expect(405).header("allow"),
        "POST"
    );
}

#[tokio::test]
async fn the_events_of_a_time_range_can_be_replayed() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1"), event("a", "a2"), event("a", "a3")]).await;
    for _ in 0..3 {
        backend.next().await.answer(204, "");
    }
    eventually(async || {
        let all = host.admin().get("/subscriptions").await.expect(200).json();
        (all["subscriptions"][0]["lag_events"] == 0).then_some(())
    })
    .await;
    let everything = "/subscriptions/subscriber/replay?from=0&until=9000000000000";
    let answer = admin_post(&host, everything).await.expect(200).json();
    assert_eq!(answer, json!({ "events": 3 }));
    for expected in ["a1", "a2", "a3"] {
        let received = backend.next().await;
        assert_eq!(received.header("ce-id"), expected);
        received.answer(204, "");
    }
    let none = admin_post(&host, "/subscriptions/subscriber/replay?from=0&until=1").await;
    assert_eq!(none.expect(200).json(), json!({ "events": 0 }));
    let unknown = admin_post(&host, "/subscriptions/unknown/replay?from=0&until=1").await;
    assert_problem(&unknown, 404, "not-found");
}

#[tokio::test]
async fn a_replay_without_a_valid_time_range_is_refused() {
    let backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    for query in
        ["", "?from=0", "?until=1", "?from=yesterday&until=1", "?from=0&until=1&util=2", "?from"]
    {
        let refused = admin_post(&host, &format!("/subscriptions/subscriber/replay{query}")).await;
        assert_problem(&refused, 400, "bad-request");
    }
}

#[tokio::test]
async fn dead_letters_and_events_are_listed_in_pages() {
    let mut backend = Backend::start().await;
    let host = subscribed(&backend, ALL).host().start().await;
    publish(&host, &[event("a", "a1"), event("b", "b1"), event("c", "c1")]).await;
    for _ in 0..3 {
        backend.next().await.answer(404, "");
    }
    dead_letters(&host, 3).await;
    for (path, list, id) in
        [("/dead-letters", "dead_letters", "id"), ("/events", "events", "position")]
    {
        let mut seen = vec![];
        let mut after = String::new();
        // Any page may be cut by its size, so the end is an empty one.
        loop {
            let page = host.admin().get(&format!("{path}?limit=2{after}")).await.expect(200).json();
            let ones = page[list].as_array().expect("a list").clone();
            seen.extend(ones.iter().map(|one| one[id].clone()));
            assert_eq!(page["next"].is_null(), ones.is_empty(), "{page}");
            match &page["next"] {
                Value::Null => break,
                Value::String(next) => after = format!("&after={next}"),
                next => after = format!("&after={next}"),
            }
        }
        assert_eq!(seen.len(), 3, "{path}: {seen:?}");
        assert_problem(&host.admin().get(&format!("{path}?limit=0")).await, 400, "bad-request");
        assert_problem(&host.admin().get(&format!("{path}?limit=x")).await, 400, "bad-request");
    }
}
