use proptest::prelude::*;
use tessera_resilience::gcra::{Decision, Quota, Tat, decide};

const MS: u64 = 1_000_000;
const NOW: u64 = 1_800_000_000_000 * MS;

fn quota(limit: u32, window_ms: u32) -> Quota {
    Quota { limit, window_ms }
}

fn allowed_of(calls: usize, tat: &mut Tat, now_ns: u64, quota: Quota) -> usize {
    (0..calls)
        .filter(|_| {
            let (decision, next) = decide(*tat, now_ns, quota, 1).unwrap();
            *tat = next;
            decision.allowed
        })
        .count()
}

#[test]
fn the_decision_tells_what_is_allowed_next() {
    let quota = quota(2, 1_000);
    let (first, tat) = decide(Tat::default(), NOW, quota, 1).unwrap();
    let expected = Decision { allowed: true, remaining: 1, retry_after_ms: 0, reset_after_ms: 500 };
    assert_eq!(first, expected);
    let (second, tat) = decide(tat, NOW + MS, quota, 2).unwrap();
    let expected =
        Decision { allowed: false, remaining: 1, retry_after_ms: 499, reset_after_ms: 499 };
    assert_eq!(second, expected);
    assert!(decide(tat, NOW + 500 * MS, quota, 2).unwrap().0.allowed);
    assert!(!decide(tat, NOW + 499 * MS, quota, 2).unwrap().0.allowed);
}

#[test]
fn a_refused_call_and_a_cost_of_0_change_nothing() {
    let quota = quota(1, 1_000);
    let (_, tat) = decide(Tat::default(), NOW, quota, 1).unwrap();
    for cost in [0, 1] {
        assert_eq!(decide(tat, NOW + MS, quota, cost).unwrap().1, tat);
    }
}

#[test]
fn a_clock_that_is_set_back_blocks_a_key_for_at_most_the_window() {
    let quota = quota(5, 1_000);
    let mut tat = Tat::default();
    allowed_of(5, &mut tat, NOW + 3_600_000 * MS, quota);
    assert_eq!(decide(tat, NOW, quota, 1).unwrap().0.retry_after_ms, 200);
    let (_, tat) = decide(tat, NOW, quota, 0).unwrap();
    assert!(decide(tat, NOW + 200 * MS, quota, 1).unwrap().0.allowed);
}

#[test]
fn the_largest_values_do_not_overflow() {
    let quota = quota(u32::MAX, u32::MAX);
    let last = Tat { ns: u64::MAX, fraction: u32::MAX };
    assert!(decide(last, u64::MAX, quota, u32::MAX).is_ok());
    assert!(decide(last, 0, quota, u32::MAX).is_ok());
}

/// A token bucket: another algorithm for the same decisions, in integers.
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
        let (mut tat, mut now_ns) = (Tat::default(), 0);
        for (n, (pause_ns, cost)) in calls.into_iter().enumerate() {
            // Mostly dense traffic, with a long pause before every tenth call.
            now_ns += if n % 10 == 0 { pause_ns } else { pause_ns / 1_000_000 };
            let cost = cost.min(limit);
            let (decision, next) = decide(tat, now_ns, quota, cost).unwrap();
            let (allowed, remaining) = bucket.take(now_ns, cost);
            prop_assert_eq!((decision.allowed, u128::from(decision.remaining)), (allowed, remaining));
            if !decision.allowed {
                let later = now_ns + decision.retry_after_ms * 1_000_000;
                prop_assert!(decide(next, later, quota, cost).unwrap().0.allowed);
                let earlier = later - 1_000_000;
                prop_assert!(!decide(next, earlier, quota, cost).unwrap().0.allowed);
            }
            tat = next;
        }
    }
}
