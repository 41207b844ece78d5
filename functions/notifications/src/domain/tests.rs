#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use super::*;

fn request() -> Request {
    Request {
        request_id: "r-1".into(),
        channel: Channel::Email,
        user_id: "usr_1".into(),
        template_code: "welcome".into(),
        variables: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
        language: None,
        priority: Priority::Normal,
        metadata: BTreeMap::new(),
        subject: None,
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered("msg_1".into())
}

fn accepted() -> Notification {
    let pinned = Pinned {
        version: 1,
        language: "en".into(),
        subject: "Hi".into(),
        variables: request().variables,
    };
    Notification::accept("ntf_1".into(), "f".into(), &request(), pinned, 1_000)
}

fn deferred() -> Outcome {
    Outcome::Deferred { detail: "503".into(), retry_after_ms: None }
}

#[test]
fn a_delivered_notification_is_over_and_forgets_its_variables() {
    let mut n = accepted();
    let attempt = n.begin(1_000).unwrap();
    n.end(attempt, delivered(), 1_200);
    assert_eq!(n.state, State::Sent { at_ms: 1_200 });
    assert!(n.pinned.variables.is_empty());
    assert_eq!(n.begin(u64::MAX), None);
}

#[test]
fn two_attempts_do_not_run_at_once_until_the_lease_has_run_out() {
    let mut n = accepted();
    assert_eq!(n.begin(1_000), Some(1));
    assert_eq!(n.begin(1_000 + LEASE_MS - 1), None);
    assert_eq!(n.begin(1_000 + LEASE_MS), Some(2));
}

#[test]
fn an_overtaken_attempt_counts_only_if_it_delivered() {
    let mut n = accepted();
    n.begin(1_000);
    n.begin(1_000 + LEASE_MS);
    n.end(1, Outcome::Refused("late".into()), 60_000);
    assert!(!n.is_over());
    n.end(1, delivered(), 60_000);
    assert_eq!(n.state.word(), "sent");
}

#[test]
fn a_hard_bounce_is_not_repeated() {
    let mut n = accepted();
    let attempt = n.begin(1_000).unwrap();
    n.end(attempt, Outcome::Refused("no such mailbox".into()), 1_100);
    assert_eq!(n.state, State::Failed { reason: "no such mailbox".into() });
    assert_eq!(n.setbacks.len(), 1);
}

#[test]
fn waits_grow_and_attempts_end() {
    let mut n = accepted();
    let (mut now, mut waits) = (1_000, Vec::new());
    while let Some(attempt) = n.begin(now) {
        n.end(attempt, deferred(), now);
        if let Some(due) = n.due_ms() {
            waits.push(due - now);
            now = due;
        }
    }
    assert!(waits[..5].windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= BACKOFF_MAX_MS));
    assert!(waits.iter().sum::<u64>() >= RETRY_MS, "it is tried for days");
    assert!(waits.len() < 150, "and not without a pause: {}", waits.len());
    assert_eq!(n.state.word(), "failed");
    assert_eq!(n.setbacks.len(), SETBACK_COUNT_MAX);
}

#[test]
fn messages_survive_an_outage_of_days() {
    let mut n = accepted();
    let mut now = 1_000;
    while now < 3 * 86_400_000 {
        let attempt = n.begin(now).unwrap();
        n.end(attempt, deferred(), now);
        now = n.due_ms().unwrap();
    }
    let attempt = n.begin(now).unwrap();
    n.end(attempt, delivered(), now);
    assert_eq!(n.state.word(), "sent");
}

#[test]
fn a_message_without_attempts_still_gets_one() {
    let mut n = accepted();
    let late = 1_000 + 2 * RETRY_MS;
    let attempt = n.begin(late).expect("an attempt");
    n.end(attempt, delivered(), late);
    assert_eq!(n.state.word(), "sent");
}

#[test]
fn a_providers_wish_is_heard_within_reason() {
    for (wish, wait) in [(120_000, 120_000), (u64::MAX, BACKOFF_MAX_MS)] {
        let mut n = accepted();
        let attempt = n.begin(1_000).unwrap();
        let outcome = Outcome::Deferred { detail: "429".into(), retry_after_ms: Some(wish) };
        n.end(attempt, outcome, 1_000);
        assert_eq!(n.due_ms(), Some(1_000 + wait));
    }
}

#[test]
fn attempts_that_died_are_counted_too() {
    let mut n = accepted();
    let mut now = 1_000;
    while n.begin(now).is_some() {
        now += LEASE_MS;
    }
    assert!(now >= 1_000 + RETRY_MS);
    assert_eq!(n.state.word(), "failed");
}

#[test]
fn requests_are_compared_without_the_order_of_variables() {
    let mut swapped = request();
    swapped.variables.reverse();
    assert_eq!(request().canonical(), swapped.canonical());
}

#[test]
fn faulty_requests_are_refused() {
    let with = |change: fn(&mut Request)| {
        let mut request = request();
        change(&mut request);
        request.fault()
    };
    assert_eq!(request().fault(), None);
    assert!(with(|r| r.request_id.clear()).is_some());
    assert!(with(|r| r.request_id = "a b".into()).is_some());
    assert!(with(|r| r.variables[1].0 = "b".into()).is_some());
    let long = with(|r| r.variables[0].1 = "x".repeat(VARIABLE_LENGTH_MAX + 1)).unwrap();
    assert_eq!(long.place, "variables/b");
    assert!(with(|r| r.language = Some("en_GB".into())).is_some());
    assert!(with(|r| drop(r.metadata.insert("k".into(), "x".repeat(300)))).is_some());
}

#[test]
fn what_failed_keeps_its_variables_until_it_is_forgotten() {
    let mut n = accepted();
    let attempt = n.begin(1_000).unwrap();
    n.end(attempt, Outcome::Refused("no such mailbox".into()), 1_100);
    assert!(!n.pinned.variables.is_empty());
    assert!(n.clone().replay(2_000));
    n.forget();
    assert!(n.pinned.variables.is_empty());
    assert!(!n.replay(2_000), "there is nothing left to say");
}

#[test]
fn a_replayed_message_is_retried_as_long_as_a_new_one() {
    let mut n = accepted();
    let exhaust = |n: &mut Notification, mut now: u64| {
        let mut count = 0_usize;
        while let Some(attempt) = n.begin(now) {
            n.end(attempt, deferred(), now);
            count += 1;
            now = n.due_ms().unwrap_or(now);
        }
        count
    };
    let first = exhaust(&mut n, 1_000);
    let later = n.setbacks.last().unwrap().at_ms + 1;
    assert!(n.replay(later) && n.is_replayed());
    assert_eq!(n.due_ms(), Some(later));
    assert!(!n.replay(later), "it waits already");
    let second = exhaust(&mut n, later);
    assert!(second > 90 && second.abs_diff(first) < 20, "{first} and {second}");
    assert!(n.is_failed() && n.attempts == first + second);
}

#[test]
fn messages_of_the_provider_are_counted_by_their_ids() {
    let of = |receipts: &[&str]| {
        let mut n = accepted();
        let attempt = n.begin(1_000).unwrap();
        for receipt in receipts {
            n.end(attempt, Outcome::Delivered((*receipt).into()), 1_100);
        }
        n.receipts.len()
    };
    assert_eq!(of(&["msg_1", "msg_1"]), 1, "the provider knew it");
    assert_eq!(of(&["", "msg_1"]), 1, "the first named none");
    assert_eq!(of(&["msg_1", ""]), 1);
    assert_eq!(of(&["msg_1", "msg_2"]), 2, "the provider sent it twice");
}

#[test]
fn a_delivery_that_is_learned_of_late_mends_a_failure() {
    let mut n = accepted();
    let attempt = n.begin(1_000).unwrap();
    n.end(attempt, Outcome::Refused("no".into()), 1_100);
    n.end(attempt, delivered(), 1_200);
    assert_eq!(n.state, State::Sent { at_ms: 1_200 });
}

#[test]
fn requests_of_before_priorities_keep_their_spelling() {
    let written = serde_json::to_string(&request()).unwrap();
    assert!(!written.contains("priority") && !written.contains("metadata"), "{written}");
}
