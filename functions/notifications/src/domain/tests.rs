#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn request() -> Request {
    Request {
        request_id: "r-1".into(),
        channel: Channel::Email,
        user_id: "usr_1".into(),
        template_code: "welcome".into(),
        variables: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
        language: None,
    }
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
    n.end(attempt, Outcome::Delivered, 1_200);
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
    n.end(1, Outcome::Delivered, 60_000);
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
    assert_eq!(waits.len(), ATTEMPT_COUNT_MAX - 1);
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= BACKOFF_MAX_MS));
    assert_eq!(n.state.word(), "failed");
    assert_eq!(n.setbacks.len(), ATTEMPT_COUNT_MAX);
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
    assert_eq!(n.attempts, ATTEMPT_COUNT_MAX);
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
    assert!(with(|r| r.variables[0].1 = "x".repeat(VARIABLE_LENGTH_MAX + 1)).is_some());
}
