use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use tessera_resilience::{
    RateLimiter,
    rate_limit::{
        Decision, Invalid, Options, Quota,
        gcra::{Cell, decide},
    },
};
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
    assert!(check(&limiter, "user", 1).allowed, "who waits as told is let in");
    assert!(!check(&limiter, "user", 1).allowed);

    advance(Duration::from_millis(check(&limiter, "user", 0).reset_after_ms)).await;
    assert_eq!(check(&limiter, "user", 0).remaining, 10);
    assert_eq!(check(&limiter, "user", 0).reset_after_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cost_counts_as_many_calls() {
    let limiter = RateLimiter::default();
    assert_eq!(check(&limiter, "user", 7).remaining, 3);
    let refused = check(&limiter, "user", 4);
    assert_eq!((refused.allowed, refused.remaining, refused.retry_after_ms), (false, 3, 100));
    assert!(check(&limiter, "user", 3).allowed);
    assert_eq!(check(&limiter, "user", 10).retry_after_ms, 1_000);
}

#[tokio::test(start_paused = true)]
async fn keys_and_policies_are_independent() {
    let limiter = RateLimiter::default();
    let ask = |policy, key| limiter.check(policy, key, QUOTA, 10, Instant::now()).unwrap().allowed;
    assert!(ask("login", "a"));
    assert!(!ask("login", "a"));
    assert!(ask("login", "b"));
    assert!(ask("search", "a"));
    assert!(ask("logi", "na"), "the border between policy and key counts");
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_answered_is_invalid() {
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
async fn a_smaller_quota_locks_nobody_out_for_longer_than_its_window() {
    let limiter = RateLimiter::default();
    let ask = |limit, window_ms, cost| {
        limiter.check("policy", "user", Quota { limit, window_ms }, cost, Instant::now()).unwrap()
    };
    assert!(ask(10, 3_600_000, 10).allowed);
    let refused = ask(1, 1_000, 1);
    assert_eq!((refused.allowed, refused.retry_after_ms), (false, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_locks_nobody_out() {
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
async fn keys_with_a_whole_quota_are_forgotten_first() {
    let limiter = RateLimiter::new(Options { keys_max: 1_600, ..Options::default() });
    check(&limiter, "busy", 10);
    for n in 0..800 {
        check(&limiter, &format!("a-{n}"), 1);
    }
    advance(Duration::from_millis(150)).await;
    // The cost-1 keys are whole again, `busy` is not.
    for n in 0..3_000 {
        check(&limiter, &format!("b-{n}"), 0);
    }
    assert!(limiter.keys() <= 801, "asking without taking needs no memory");
    for n in 0..1_000 {
        check(&limiter, &format!("c-{n}"), 1);
    }
    assert_eq!(check(&limiter, "busy", 0).remaining, 1, "debt is remembered");
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
    assert!(!check(&limiter, "heavy", 1).allowed, "the largest debt is the last to be forgiven");
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

/// A bucket of tokens that refills evenly: another way to the same decisions, in whole numbers.
struct Bucket {
    quota: Quota,
    /// Tokens times the window in nanoseconds.
    level: u128,
    at_ns: u64,
}

impl Bucket {
    fn window_ns(&self) -> u128 {
        u128::from(self.quota.window_ms) * 1_000_000
    }

    fn take(&mut self, now_ns: u64, cost: u32) -> (bool, u128) {
        let full = u128::from(self.quota.limit) * self.window_ns();
        let refill = u128::from(now_ns - self.at_ns) * u128::from(self.quota.limit);
        self.level = (self.level + refill).min(full);
        self.at_ns = now_ns;
        let price = u128::from(cost) * self.window_ns();
        let allowed = price <= self.level;
        if allowed {
            self.level -= price;
        }
        (allowed, self.level / self.window_ns())
    }
}

proptest! {
    #[test]
    fn decides_like_an_exact_bucket(
        limit in prop_oneof![1_u32..2_000, 1_u32..20_000_000],
        window_ms in 1_u32..5_000,
        calls in prop::collection::vec((0_u64..3_000_000_000, 0_u32..4), 1..200),
    ) {
        let quota = Quota { limit, window_ms };
        let full = u128::from(limit) * u128::from(window_ms) * 1_000_000;
        let mut bucket = Bucket { quota, level: full, at_ns: 0 };
        let (mut cell, mut now_ns) = (Cell::default(), 0);
        for (n, (pause_ns, cost)) in calls.into_iter().enumerate() {
            // Mostly dense traffic, with a long pause now and then.
            now_ns += if n % 10 == 0 { pause_ns } else { pause_ns / 1_000_000 };
            let cost = cost.min(limit);
            let (decision, next) = decide(cell, now_ns, quota, cost).unwrap();
            let (allowed, remaining) = bucket.take(now_ns, cost);
            prop_assert_eq!((decision.allowed, u128::from(decision.remaining)), (allowed, remaining));
            if !decision.allowed {
                let later = now_ns + decision.retry_after_ms * 1_000_000;
                prop_assert!(decide(next, later, quota, cost).unwrap().0.allowed);
                let earlier = later - 1_000_000;
                prop_assert!(!decide(next, earlier, quota, cost).unwrap().0.allowed);
            }
            cell = next;
        }
    }
}
