//! A budget for retries: a share of the calls, plus a floor.
//!
//! If a callee is down, each call that is retried twice becomes three, just when the callee can
//! stand it least. With a budget, retries are a small share of all calls to that callee, whatever
//! each call alone would do. The floor lets callers with few calls retry at all.

use std::time::Duration;

use crate::window::Window;

/// The size of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Retries per 100 calls.
    pub percent: u32,
    /// Retries per second that are allowed in any case.
    pub min_per_second: u32,
    /// The time over which calls and retries are counted.
    pub window: Duration,
}

/// The retries that are left. Times are those of one clock that never goes back.
#[derive(Debug, Clone)]
pub struct Budget {
    options: Options,
    counts: Window<2>,
}

/// What is counted.
const CALLS: usize = 0;
const RETRIES: usize = 1;

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(options: Options) -> Self {
        Self { options, counts: Window::new(options.window) }
    }

    /// Counts a call that is no retry.
    pub fn count_call(&mut self, now: Duration) {
        self.counts.add(CALLS, now);
    }

    /// Whether a retry is within the budget. If so, it is counted.
    pub fn try_retry(&mut self, now: Duration) -> bool {
        let [calls, retries] = self.counts.sums(now);
        let Options { percent, min_per_second, window } = self.options;
        let share = calls * u64::from(percent) / 100;
        let floor = u128::from(min_per_second) * window.as_millis() / 1_000;
        let allowed = u128::from(retries) < u128::from(share) + floor;
        if allowed {
            self.counts.add(RETRIES, now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget(percent: u32, min_per_second: u32) -> Budget {
        Budget::new(Options { percent, min_per_second, window: 10 * SECOND })
    }

    fn retries(budget: &mut Budget, now: Duration) -> usize {
        std::iter::from_fn(|| budget.try_retry(now).then_some(())).take(10_000).count()
    }

    #[test]
    fn retries_are_a_share_of_the_calls() {
        let mut budget = budget(20, 0);
        assert_eq!(retries(&mut budget, SECOND), 0, "no calls, no retries");
        for _ in 0..100 {
            budget.count_call(SECOND);
        }
        assert_eq!(retries(&mut budget, SECOND), 20);
        assert_eq!(retries(&mut budget, 2 * SECOND), 0, "they are used up");
    }

    #[test]
    fn the_floor_is_for_callers_with_few_calls() {
        let mut budget = budget(0, 3);
        assert_eq!(retries(&mut budget, SECOND), 30, "three per second of the window");
        assert_eq!(retries(&mut budget, 2 * SECOND), 0);
        assert_eq!(retries(&mut budget, 12 * SECOND), 30, "the first ones have left the window");
    }

    #[test]
    fn a_budget_without_share_and_floor_allows_no_retry() {
        let mut budget = budget(0, 0);
        budget.count_call(SECOND);
        assert!(!budget.try_retry(SECOND));
    }
}
