//! The generic cell rate algorithm, without a clock and without memory.
//!
//! All that is known of a key is *when its whole quota is there again*. A call moves that
//! moment away by its share of the window and is allowed if it then lies no further than one
//! window ahead. Against counting calls per fixed window this lets no double burst through at
//! the edge of two windows, and against a list of timestamps it needs one number.
//!
//! A share is `window / limit`, rarely a whole number of nanoseconds. Here everything is
//! counted in shares of a nanosecond, `1 / limit` each, so nothing is ever rounded but the
//! answers.

use serde::{Deserialize, Serialize};

const NS_PER_MS: u128 = 1_000_000;

/// So many calls per window, all of them at once if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Calls, at least 1.
    pub limit: u32,
    /// Milliseconds, at least 1.
    pub window_ms: u32,
}

/// May the call go ahead, and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// A refused call costs nothing.
    pub allowed: bool,
    /// Calls of cost 1 that could follow at once.
    pub remaining: u32,
    /// Milliseconds, rounded up, until a call of this cost is allowed; 0 if this one was.
    pub retry_after_ms: u64,
    /// Milliseconds, rounded up, until the whole quota is there again.
    pub reset_after_ms: u64,
}

/// When the whole quota is there again: nanoseconds since the epoch, and the rest of one in
/// parts of `1 / limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Full(pub u64, pub u32);

/// No call could ever be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A limit of 0 calls or a window of 0 ms.
    #[error("a quota has at least 1 call in at least 1 ms")]
    Quota,
    /// More than the whole quota at once.
    #[error("the cost is more than the whole quota")]
    Cost,
}

/// Decide about one call of `cost` at `now_ms`. A cost of 0 only asks.
///
/// A moment further ahead than one window (the quota became smaller, the clock went back)
/// counts as one window ahead: nobody is locked out for longer than the quota says.
pub fn decide(
    full: Full,
    now_ms: u64,
    quota: Quota,
    cost: u32,
) -> Result<(Full, Decision), Invalid> {
    if quota.limit == 0 || quota.window_ms == 0 {
        return Err(Invalid::Quota);
    }
    if cost > quota.limit {
        return Err(Invalid::Cost);
    }
    let parts = u128::from(quota.limit);
    // One call's share, in parts of a nanosecond: window / limit * parts.
    let share = u128::from(quota.window_ms) * NS_PER_MS;
    let window = share * parts;
    let now = u128::from(now_ms) * NS_PER_MS * parts;

    let moment = u128::from(full.0) * parts + u128::from(full.1.min(quota.limit - 1));
    let used = moment.saturating_sub(now).min(window);
    let asked = used + share * u128::from(cost);
    let allowed = asked <= window;
    let used = if allowed { asked } else { used };

    let decision = Decision {
        allowed,
        remaining: u32::try_from((window - used) / share).unwrap_or(u32::MAX),
        retry_after_ms: whole_ms(asked.saturating_sub(window), parts),
        reset_after_ms: whole_ms(used, parts),
    };
    let moment = now + used;
    let ns = u64::try_from(moment / parts).unwrap_or(u64::MAX);
    let rest = u32::try_from(moment % parts).unwrap_or_default();
    Ok((Full(ns, rest), decision))
}

fn whole_ms(span: u128, parts: u128) -> u64 {
    u64::try_from(span.div_ceil(parts * NS_PER_MS)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;

    fn quota(limit: u32, window_ms: u32) -> Quota {
        Quota { limit, window_ms }
    }

    fn allowed_of(calls: usize, full: &mut Full, now_ms: u64, quota: Quota) -> usize {
        (0..calls)
            .filter(|_| {
                let (next, decision) = decide(*full, now_ms, quota, 1).unwrap();
                *full = next;
                decision.allowed
            })
            .count()
    }

    #[test]
    fn the_whole_quota_may_go_at_once_and_then_trickles_back() {
        // 3 in 1,000 ms: a share is no whole number of anything.
        let (quota, mut full) = (quota(3, 1_000), Full::default());
        assert_eq!(allowed_of(10, &mut full, NOW, quota), 3);
        assert_eq!(allowed_of(10, &mut full, NOW + 333, quota), 0);
        assert_eq!(allowed_of(10, &mut full, NOW + 334, quota), 1);
        assert_eq!(allowed_of(10, &mut full, NOW + 1_000, quota), 2);
        assert_eq!(allowed_of(10, &mut full, NOW + 9_000, quota), 3);
    }

    #[test]
    fn the_figures_say_what_happens_next() {
        let quota = quota(2, 1_000);
        let (full, first) = decide(Full::default(), NOW, quota, 1).unwrap();
        let expected =
            Decision { allowed: true, remaining: 1, retry_after_ms: 0, reset_after_ms: 500 };
        assert_eq!(first, expected);
        let (full, second) = decide(full, NOW + 1, quota, 2).unwrap();
        let expected =
            Decision { allowed: false, remaining: 1, retry_after_ms: 499, reset_after_ms: 499 };
        assert_eq!(second, expected);
        assert!(decide(full, NOW + 1 + 499, quota, 2).unwrap().1.allowed);
        assert!(!decide(full, NOW + 1 + 498, quota, 2).unwrap().1.allowed);
    }

    #[test]
    fn a_refused_call_and_a_question_cost_nothing() {
        let quota = quota(1, 1_000);
        let (full, _) = decide(Full::default(), NOW, quota, 1).unwrap();
        for cost in [0, 1] {
            assert_eq!(decide(full, NOW + 1, quota, cost).unwrap().0, full);
        }
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let quota = quota(5, 1_000);
        let mut full = Full::default();
        allowed_of(5, &mut full, NOW + 3_600_000, quota);
        assert_eq!(decide(full, NOW, quota, 1).unwrap().1.retry_after_ms, 200);
        let (full, _) = decide(full, NOW, quota, 0).unwrap();
        assert!(decide(full, NOW + 200, quota, 1).unwrap().1.allowed);
    }

    #[test]
    fn what_can_never_be_allowed_is_a_fault_of_the_caller() {
        let never = |quota, cost| decide(Full::default(), NOW, quota, cost).unwrap_err();
        assert_eq!(never(quota(0, 1_000), 1), Invalid::Quota);
        assert_eq!(never(quota(1, 0), 1), Invalid::Quota);
        assert_eq!(never(quota(5, 1_000), 6), Invalid::Cost);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let quota = quota(u32::MAX, u32::MAX);
        let last = Full(u64::MAX, u32::MAX);
        assert!(decide(last, u64::MAX, quota, u32::MAX).is_ok());
        assert!(decide(last, 0, quota, u32::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn no_span_of_time_sees_more_than_burst_plus_rate(
            limit in 1..50u32,
            window_ms in 1..2_000u32,
            steps in prop::collection::vec((0..500u64, 1..4u32), 1..80),
        ) {
            let (quota, mut full, mut now_ms) = (quota(limit, window_ms), Full::default(), NOW);
            let mut granted: Vec<(u64, u32)> = Vec::new();
            for (pause_ms, cost) in steps {
                now_ms += pause_ms;
                let cost = cost.min(limit);
                let (next, decision) = decide(full, now_ms, quota, cost).unwrap();
                full = next;
                if decision.allowed {
                    granted.push((now_ms, cost));
                } else {
                    let wait_ms = decision.retry_after_ms;
                    prop_assert!(decide(full, now_ms + wait_ms, quota, cost).unwrap().1.allowed);
                    prop_assert!(!decide(full, now_ms + wait_ms - 1, quota, cost).unwrap().1.allowed);
                }
            }
            for (index, (from_ms, _)) in granted.iter().enumerate() {
                let mut sum = 0u64;
                for (at_ms, cost) in &granted[index..] {
                    sum += u64::from(*cost);
                    let most = u64::from(limit)
                        + (at_ms - from_ms) * u64::from(limit) / u64::from(window_ms);
                    prop_assert!(sum <= most, "{sum} calls in {} ms", at_ms - from_ms);
                }
            }
        }
    }
}
