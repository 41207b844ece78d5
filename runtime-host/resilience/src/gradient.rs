//! A limit for concurrent calls that finds itself: by the gradient of their latency.
//!
//! If latency is as usual, the limit grows a little; if it rises, calls queue inside of the callee,
//! and the limit shrinks in proportion. So operators do not have to know how many calls a callee
//! can serve.
//!
//! Source: Netflix, concurrency-limits, `Gradient2Limit`; the constants are its defaults.

use std::time::Duration;

/// The range of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The least limit; at least 1.
    pub least: usize,
    /// The greatest limit.
    pub greatest: usize,
}

/// The samples over which the usual latency is averaged.
const LONG_WINDOW: f64 = 600.0;
/// Latency may rise by this factor before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// Calls that may queue inside of the callee.
const QUEUE: f64 = 4.0;
/// The share of a new limit in the next one.
const SMOOTHING: f64 = 0.2;
/// What a call that failed by overload leaves of the limit.
const BACKOFF: f64 = 0.9;

/// A limit that follows the latency of calls.
#[derive(Debug, Clone)]
pub struct Gradient {
    options: Options,
    limit: f64,
    /// The usual latency in seconds. 0 until there was a call.
    usual: f64,
    samples: f64,
}

impl Gradient {
    /// Starts with the greatest limit: overload shrinks it fast, and a callee that never was
    /// overloaded is never limited.
    pub fn new(options: Options) -> Self {
        Self { options, limit: options.greatest as f64, usual: 0.0, samples: 0.0 }
    }

    /// The limit now.
    pub fn limit(&self) -> usize {
        (self.limit as usize).clamp(self.options.least.max(1), self.options.greatest.max(1))
    }

    /// A call has ended after this time, while this many ran.
    pub fn succeeded(&mut self, latency: Duration, running: usize) {
        let latency = latency.as_secs_f64().max(1e-9);
        self.average(latency);
        // If latency has fallen for good, the average must not take minutes to notice it.
        if self.usual > 2.0 * latency {
            self.usual *= 0.95;
        }
        // Calls that do not use the limit say nothing about a greater one.
        if (running as f64) < self.limit / 2.0 {
            return;
        }
        let gradient = (TOLERANCE * self.usual / latency).clamp(0.5, 1.0);
        let next = self.limit * gradient + QUEUE;
        self.set(self.limit * (1.0 - SMOOTHING) + next * SMOOTHING);
    }

    /// A call was refused by the callee, or missed its deadline.
    pub fn overloaded(&mut self) {
        self.set(self.limit * BACKOFF);
    }

    fn average(&mut self, latency: f64) {
        self.samples = (self.samples + 1.0).min(LONG_WINDOW);
        self.usual += (latency - self.usual) / self.samples;
    }

    fn set(&mut self, limit: f64) {
        let Options { least, greatest } = self.options;
        self.limit = limit.clamp(least.max(1) as f64, greatest.max(1) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn gradient() -> Gradient {
        Gradient::new(Options { least: 2, greatest: 100 })
    }

    /// Calls with the limit fully used.
    fn calls(gradient: &mut Gradient, count: usize, latency: impl Fn(usize) -> Duration) {
        for _ in 0..count {
            let running = gradient.limit();
            gradient.succeeded(latency(running), running);
        }
    }

    #[test]
    fn a_callee_that_is_never_slow_is_never_limited() {
        let mut gradient = gradient();
        calls(&mut gradient, 1_000, |_| 10 * MS);
        assert_eq!(gradient.limit(), 100);
    }

    #[test]
    fn the_limit_settles_near_what_the_callee_can_do() {
        let mut gradient = gradient();
        // It serves ten at a time; others queue inside of it.
        let latency = |running: usize| 10 * MS * (running.max(10) as u32) / 10;
        // What is usual was seen while nothing queued.
        for _ in 0..600 {
            gradient.succeeded(10 * MS, 1);
        }
        calls(&mut gradient, 100, latency);
        assert!((10..40).contains(&gradient.limit()), "{}", gradient.limit());
    }

    #[test]
    fn refused_calls_shrink_it_down_to_the_least_limit() {
        let mut gradient = gradient();
        gradient.overloaded();
        assert_eq!(gradient.limit(), 90);
        for _ in 0..100 {
            gradient.overloaded();
        }
        assert_eq!(gradient.limit(), 2);
        calls(&mut gradient, 1_000, |_| MS);
        assert_eq!(gradient.limit(), 100, "and it recovers");
    }

    #[test]
    fn calls_below_the_limit_do_not_change_it() {
        let mut gradient = gradient();
        gradient.overloaded();
        for _ in 0..100 {
            gradient.succeeded(MS, 1);
        }
        assert_eq!(gradient.limit(), 90);
    }
}
