use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tessera_resilience::RateLimiter;
use tessera_resilience::rate_limit::{Decision, Invalid, Options, Quota};
use tokio::time::{Instant, advance};

const QUOTA: Quota = Quota { limit: 10, window_ms: 1_000 };

fn check(limiter: &RateLimiter, key: &str, cost: u32) -> Decision {
    limiter.check("policy", key, QUOTA, cost, Instant::now()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_whole_quota_at_once_then_one_per_interval() {
    let limiter = RateLimiter::default();
    for remaining in (0..10).rev() {
        let decision = check(&limiter, "user", 1);
        assert_eq!((decision.allowed, decision.remaining), (true, remaining));
        assert_eq!(decision.retry_after_ms, 0);
    }
    let refused =
        Decision { allowed: false, remaining: 0, retry_after_ms: 100, reset_after_ms: 1_000 };
    assert_eq!(check(&limiter, "user", 1), refused);
    assert_eq!(check(&limiter, "user", 1), refused, "a refused call costs nothing");

    advance(Duration::from_millis(refused.retry_after_ms) - Duration::from_nanos(1)).await;
    assert!(!check(&limiter, "user", 1).allowed);
    advance(Duration::from_nanos(1)).await;
    assert!(check(&limiter, "user", 1).allowed, "a call after `retry_after_ms` is allowed");
    assert!(!check(&limiter, "user", 1).allowed);

    advance(Duration::from_millis(check(&limiter, "user", 0).reset_after_ms)).await;
    assert_eq!(check(&limiter, "user", 0).remaining, 10);
    assert_eq!(check(&limiter, "user", 0).reset_after_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn keys_and_policies_are_independent() {
    let limiter = RateLimiter::default();
    let ask = |policy, key| limiter.check(policy, key, QUOTA, 10, Instant::now()).unwrap().allowed;
    assert!(ask("login", "a"));
    assert!(!ask("login", "a"));
    assert!(ask("login", "b"));
    assert!(ask("search", "a"));
    assert!(ask("logi", "na"), "the border between policy and key matters");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_never_allowed_is_invalid() {
    let limiter = RateLimiter::default();
    let ask = |limit, window_ms, cost, key: &str| {
        limiter.check("policy", key, Quota { limit, window_ms }, cost, Instant::now()).err()
    };
    assert_eq!(ask(0, 1_000, 0, "key"), Some(Invalid::Quota));
    assert_eq!(ask(1, 0, 1, "key"), Some(Invalid::Quota));
    assert_eq!(ask(10, 1_000, 11, "key"), Some(Invalid::Cost));
    assert_eq!(ask(10, 1_000, 1, &"k".repeat(1_019)), Some(Invalid::Key));
    assert_eq!(ask(10, 1_000, 10, &"k".repeat(1_018)), None);
    assert_eq!(ask(u32::MAX, u32::MAX, u32::MAX, "extreme"), None);
    assert_eq!(ask(u32::MAX, 1, 1, "many per nanosecond"), None);
}

#[tokio::test(start_paused = true)]
async fn intervals_of_less_than_a_nanosecond_add_up() {
    let limiter = RateLimiter::default();
    let quota = Quota { limit: 3_000_000, window_ms: 1 };
    let ask = |cost| limiter.check("policy", "user", quota, cost, Instant::now()).unwrap();
    for taken in 1..=1_000 {
        assert_eq!(ask(1).remaining, quota.limit - taken);
    }
    assert!(!ask(quota.limit - 999).allowed);
    assert!(ask(quota.limit - 1_000).allowed);
    assert!(!ask(1).allowed);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_quota_blocks_a_key_for_at_most_its_window() {
    let limiter = RateLimiter::default();
    let ask = |limit, window_ms, cost| {
        limiter.check("policy", "user", Quota { limit, window_ms }, cost, Instant::now()).unwrap()
    };
    assert!(ask(10, 3_600_000, 10).allowed);
    let refused = ask(1, 1_000, 1);
    assert_eq!((refused.allowed, refused.retry_after_ms), (false, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_blocks_a_key_for_at_most_the_window() {
    let limiter = RateLimiter::default();
    let early = Instant::now();
    advance(Duration::from_secs(3_600)).await;
    assert!(check(&limiter, "user", 10).allowed);
    let decision = limiter.check("policy", "user", QUOTA, 1, early).unwrap();
    assert!(decision.retry_after_ms <= 1_000, "{decision:?}");
    let before_the_limiter = early - Duration::from_secs(1);
    assert!(limiter.check("policy", "other", QUOTA, 1, before_the_limiter).unwrap().allowed);
}

#[tokio::test(start_paused = true)]
async fn keys_with_a_full_quota_are_removed_first() {
    let limiter = RateLimiter::new(Options { keys_max: 1_600, ..Options::default() });
    check(&limiter, "busy", 10);
    for n in 0..800 {
        check(&limiter, &format!("a-{n}"), 1);
    }
    advance(Duration::from_millis(150)).await;
    // The quota of the keys with a cost of 1 is full again, that of `busy` is not.
    for n in 0..3_000 {
        check(&limiter, &format!("b-{n}"), 0);
    }
    assert!(limiter.keys() <= 801, "a cost of 0 needs no memory");
    for n in 0..1_000 {
        check(&limiter, &format!("c-{n}"), 1);
    }
    assert_eq!(check(&limiter, "busy", 0).remaining, 1, "usage is kept");
}

#[tokio::test(start_paused = true)]
async fn rotating_keys_need_no_more_memory() {
    let options = Options { keys_max: 1_600, ..Options::default() };
    let limiter = RateLimiter::new(options);
    check(&limiter, "heavy", 10);
    for n in 0..100_000 {
        assert!(check(&limiter, &format!("rotating-{n}"), 1).allowed);
        assert!(n % 1_000 != 0 || limiter.keys() <= options.keys_max);
    }
    assert!(limiter.keys() <= options.keys_max);
    assert!(!check(&limiter, "heavy", 1).allowed, "the largest usage is removed last");
}

#[test]
fn threads_share_one_quota_exactly() {
    let limiter = Arc::new(RateLimiter::default());
    let now = Instant::now();
    let allowed = AtomicU32::new(0);
    let quota = Quota { limit: 1_000, window_ms: 60_000 };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let decision = limiter.check("policy", "user", quota, 1, now).unwrap();
                    allowed.fetch_add(u32::from(decision.allowed), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(allowed.into_inner(), 1_000);
}
