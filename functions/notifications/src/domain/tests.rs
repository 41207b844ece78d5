#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn accepted() -> Notification {
    let variables = vec![("a".into(), "1".into())];
    let (language, subject) = ("en".into(), "Hi".into());
    let pinned = Pinned { version: 1, language, subject, variables };
    let request = Request::mail("r-1", "usr_1", "welcome");
    Notification::accept("ntf_1".into(), "f".into(), &request, pinned, 1_000)
}

fn delivered() -> Outcome {
    Outcome::Delivered("msg_1".into())
}

#[test]
fn a_delivered_notification_is_over_and_its_variables_are_deleted() {
    let mut n = accepted();
    let attempt = n.begin(1_000).unwrap();
    n.end(attempt, delivered(), 1_200);
    assert_eq!(n.state, State::Sent { at_ms: 1_200 });
    assert!(n.pinned.variables.is_empty());
    assert_eq!(n.begin(u64::MAX), None);
}

#[test]
fn a_second_attempt_does_not_begin_before_the_lease_expires() {
    let mut n = accepted();
    assert_eq!(n.begin(1_000), Some(1));
    assert_eq!(n.begin(1_000 + LEASE_MS - 1), None);
    assert_eq!(n.begin(1_000 + LEASE_MS), Some(2));
}

#[test]
fn an_attempt_that_lost_its_lease_counts_only_if_it_delivered() {
    let mut n = accepted();
    n.begin(1_000);
    n.begin(1_000 + LEASE_MS);
    n.end(1, Outcome::Refused("late".into()), 60_000);
    assert!(!n.is_over());
    n.end(1, delivered(), 60_000);
    assert_eq!(n.state.as_str(), "sent");
}

#[test]
fn delays_grow_and_retries_end() {
    let mut n = accepted();
    let (mut now, mut delays) = (1_000, Vec::new());
    while let Some(attempt) = n.begin(now) {
        n.end(attempt, Outcome::deferred("503"), now);
        if let Some(due) = n.due_ms() {
            delays.push(due - now);
            now = due;
        }
    }
    assert!(delays[..5].windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
    assert!(delays.iter().all(|delay| *delay <= BACKOFF_MAX_MS));
    assert!(delays.iter().sum::<u64>() >= RETRY_MS, "it is retried for days");
    assert!(delays.len() < 150, "and not without a pause: {}", delays.len());
    assert_eq!(n.state.as_str(), "failed");
    assert_eq!(n.failures.len(), FAILURE_COUNT_MAX);
}

#[test]
fn a_notification_without_attempts_still_gets_one() {
    let mut n = accepted();
    let late = 1_000 + 2 * RETRY_MS;
    let attempt = n.begin(late).expect("an attempt");
    n.end(attempt, delivered(), late);
    assert_eq!(n.state.as_str(), "sent");
}

#[test]
fn the_delay_that_the_provider_asks_for_is_limited() {
    for (asked, delay) in [(120_000, 120_000), (u64::MAX, BACKOFF_MAX_MS)] {
        let mut n = accepted();
        let attempt = n.begin(1_000).unwrap();
        let outcome = Outcome::Deferred { detail: "429".into(), retry_after_ms: Some(asked) };
        n.end(attempt, outcome, 1_000);
        assert_eq!(n.due_ms(), Some(1_000 + delay));
    }
}

#[test]
fn crashed_attempts_count() {
    let mut n = accepted();
    let mut now = 1_000;
    while n.begin(now).is_some() {
        now += LEASE_MS;
    }
    assert!(now >= 1_000 + RETRY_MS);
    assert_eq!(n.state.as_str(), "failed");
}

#[test]
fn a_replayed_notification_is_retried_as_often_as_a_new_one() {
    let mut n = accepted();
    let exhaust = |n: &mut Notification, mut now: u64| {
        let mut count = 0_usize;
        while let Some(attempt) = n.begin(now) {
            n.end(attempt, Outcome::deferred("503"), now);
            count += 1;
            now = n.due_ms().unwrap_or(now);
        }
        count
    };
    let first = exhaust(&mut n, 1_000);
    let later = n.failures.last().unwrap().at_ms + 1;
    assert!(n.replay(later) && n.is_replayed());
    assert_eq!(n.due_ms(), Some(later));
    assert!(!n.replay(later), "it is already pending");
    let second = exhaust(&mut n, later);
    assert!(second > 90 && second.abs_diff(first) < 20, "{first} and {second}");
    assert!(n.is_failed() && n.attempts == first + second);
}

#[test]
fn messages_of_the_provider_are_counted_by_their_ids() {
    let count = |receipts: &[&str]| {
        let mut n = accepted();
        let attempt = n.begin(1_000).unwrap();
        for receipt in receipts {
            n.end(attempt, Outcome::Delivered((*receipt).into()), 1_100);
        }
        n.receipts.len()
    };
    assert_eq!(count(&["msg_1", "msg_1"]), 1, "a repeated response");
    assert_eq!(count(&["", "msg_1"]), 1, "the first response has no id");
    assert_eq!(count(&["msg_1", ""]), 1);
    assert_eq!(count(&["msg_1", "msg_2"]), 2, "the provider sent it twice");
}

#[test]
fn a_late_delivery_overrides_a_failure() {
    let mut n = accepted();
    let attempt = n.begin(1_000).unwrap();
    n.end(attempt, Outcome::Refused("no".into()), 1_100);
    n.end(attempt, delivered(), 1_200);
    assert_eq!(n.state, State::Sent { at_ms: 1_200 });
}
