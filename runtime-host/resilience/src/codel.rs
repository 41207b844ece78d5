//! Which waiting calls to give up when a queue does not drain: controlled delay (CoDel).
//!
//! A queue that absorbs bursts is useful; one that is never empty only makes each call late. The
//! difference is the shortest wait within an interval: after a burst, some call soon waits for
//! next to no time. If even the luckiest call of an interval waited for longer than the target, the
//! queue stands, and calls that have waited for too long are refused until it moves again.
//!
//! Source: K. Nichols and V. Jacobson, "Controlling Queue Delay", 2012; RFC 8289. Refusing from the
//! front all that waited for twice the target, instead of dropping ever more often, is how servers
//! adapt it, which can't make their senders slow down.

use std::time::Duration;

/// How long calls may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The wait that is acceptable for as long as it takes.
    pub target: Duration,
    /// For this long, waits may be longer than the target: the length of a burst.
    pub interval: Duration,
}

/// The waits of one queue. Times are those of one clock that never goes back.
#[derive(Debug, Clone)]
pub struct Codel {
    options: Options,
    interval_ends: Duration,
    /// The shortest wait in this interval.
    shortest: Duration,
    /// The shortest wait of the last interval was longer than the target.
    stands: bool,
}

impl Options {
    /// No call waits for longer than this, even if no other one leaves the queue.
    pub fn longest_wait(&self) -> Duration {
        self.interval + 2 * self.target
    }
}

impl Codel {
    /// A queue that has been empty.
    pub fn new(options: Options) -> Self {
        Self { options, interval_ends: Duration::ZERO, shortest: Duration::ZERO, stands: false }
    }

    /// Whether a call that leaves the queue now, after this wait, is still served.
    pub fn serves(&mut self, waited: Duration, now: Duration) -> bool {
        if now >= self.interval_ends {
            self.stands = self.shortest > self.options.target;
            self.shortest = waited;
            self.interval_ends = now + self.options.interval;
        } else {
            self.shortest = self.shortest.min(waited);
        }
        !(self.stands && waited > 2 * self.options.target)
    }

    /// Whether the queue did not drain in the last interval.
    pub fn stands(&self) -> bool {
        self.stands
    }

    /// A call did not have to wait.
    pub fn passed(&mut self) {
        self.shortest = Duration::ZERO;
        self.stands = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn codel() -> Codel {
        Codel::new(Options { target: ms(5), interval: ms(100) })
    }

    #[test]
    fn a_burst_is_served_whole() {
        let mut codel = codel();
        // 90 calls come at once, one leaves each millisecond.
        assert!((1..=90).all(|time| codel.serves(ms(time), ms(1_000 + time))));
    }

    #[test]
    fn a_standing_queue_refuses_what_waited_too_long() {
        let mut codel = codel();
        let served: Vec<bool> =
            (0..300).map(|time| codel.serves(ms(50), ms(1_000 + time))).collect();
        assert!(served[..100].iter().all(|served| *served), "the first interval may be a burst");
        assert!(served[100..].iter().all(|served| !served));
        assert!(codel.serves(ms(10), ms(1_300)), "up to twice the target is short enough");
    }

    #[test]
    fn a_queue_that_was_empty_is_a_burst_again() {
        let mut codel = codel();
        for time in 0..150 {
            codel.serves(ms(50), ms(1_000 + time));
        }
        assert!(!codel.serves(ms(50), ms(1_150)));
        codel.passed();
        assert!(codel.serves(ms(50), ms(1_151)));
    }

    #[test]
    fn one_short_wait_in_an_interval_is_enough() {
        let mut codel = codel();
        for time in 0..1_000 {
            let waited = if time % 90 == 0 { ms(1) } else { ms(50) };
            assert!(codel.serves(waited, ms(1_000 + time)), "at {time}");
        }
    }
}
