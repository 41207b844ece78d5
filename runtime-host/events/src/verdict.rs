//! What becomes of an event after a delivery.

use std::time::Duration;

use crate::{Backoff, Outcome, Reason};

/// A delivery that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which delivery of its first event that was, from 1.
    pub number: u32,
    /// Events in it.
    pub events: usize,
    /// Deliveries before an event is given up.
    pub attempts_max: u32,
}

/// What to do with its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of them are done.
    Done,
    /// Try again after a pause. Where there were several, one at a time: only then can it be
    /// told which of them is at fault, and none dies for the fault of another.
    Retry {
        /// How long to wait.
        pause: Duration,
        /// What the subscriber said.
        detail: String,
    },
    /// The (single) event is given up.
    Dead {
        /// Why.
        reason: Reason,
        /// What the subscriber said.
        detail: String,
    },
}

impl Verdict {
    /// Decides; `random` is evenly distributed.
    pub fn of(attempt: Attempt, outcome: Outcome, backoff: &Backoff, random: u64) -> Self {
        let alone = attempt.events <= 1;
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Rejected(detail) if alone => Self::Dead { reason: Reason::Rejected, detail },
            Outcome::Rejected(detail) => Self::Retry { pause: Duration::ZERO, detail },
            Outcome::Failed { detail, .. } if alone && attempt.number >= attempt.attempts_max => {
                Self::Dead { reason: Reason::AttemptsExhausted, detail }
            }
            Outcome::Failed { detail, retry_after } => {
                Self::Retry { pause: backoff.pause(attempt.number, retry_after, random), detail }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(number: u32, events: usize, outcome: Outcome) -> Verdict {
        let attempt = Attempt { number, events, attempts_max: 3 };
        Verdict::of(attempt, outcome, &Backoff::default(), 0)
    }

    fn dead(reason: Reason) -> Verdict {
        Verdict::Dead { reason, detail: "no".into() }
    }

    #[test]
    fn a_refused_event_dies_at_once() {
        let refused = || Outcome::Rejected("no".into());
        assert_eq!(verdict(1, 1, refused()), dead(Reason::Rejected));
    }

    #[test]
    fn a_failing_event_dies_after_its_last_attempt() {
        let retry = Verdict::Retry { pause: Duration::ZERO, detail: "no".into() };
        assert_eq!(verdict(1, 1, Outcome::failed("no")), retry);
        assert_eq!(verdict(2, 1, Outcome::failed("no")), retry);
        assert_eq!(verdict(3, 1, Outcome::failed("no")), dead(Reason::AttemptsExhausted));
        assert_eq!(verdict(9, 1, Outcome::failed("no")), dead(Reason::AttemptsExhausted));
    }

    #[test]
    fn nobody_dies_in_company() {
        for outcome in [Outcome::failed("no"), Outcome::Rejected("no".into())] {
            assert!(matches!(verdict(3, 2, outcome), Verdict::Retry { .. }));
        }
    }

    #[test]
    fn what_is_done_is_done() {
        assert_eq!(verdict(3, 7, Outcome::Done), Verdict::Done);
    }
}
