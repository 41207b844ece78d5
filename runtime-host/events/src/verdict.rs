//! The decision after a delivery.

use std::time::Duration;

use crate::{Backoff, Outcome, Reason};

/// A delivery that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The number of deliveries of its first event, including this one, without deferred ones.
    pub number: u32,
    /// The number of its events.
    pub events: usize,
    /// The number of deliveries before an event becomes a dead letter.
    pub attempts_max: u32,
}

/// What happens to its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of them are processed.
    Done,
    /// They are retried after a pause, one at a time: only then it is known which of them fails,
    /// and none becomes a dead letter because of another one.
    Retry {
        /// The pause.
        pause: Duration,
        /// The response of the subscriber.
        detail: String,
    },
    /// The (single) event becomes a dead letter.
    Dead {
        /// The reason.
        reason: Reason,
        /// The response of the subscriber.
        detail: String,
    },
}

impl Verdict {
    /// Decides after a delivery. `random` is evenly distributed.
    pub fn of(attempt: Attempt, outcome: Outcome, backoff: &Backoff, random: u64) -> Self {
        let alone = attempt.events <= 1;
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Rejected(detail) if alone => Self::Dead { reason: Reason::Rejected, detail },
            Outcome::Rejected(detail) => Self::Retry { pause: Duration::ZERO, detail },
            Outcome::Failed { detail, .. } if alone && attempt.number >= attempt.attempts_max => {
                Self::Dead { reason: Reason::AttemptsExhausted, detail }
            }
            Outcome::Failed { detail, retry_after } | Outcome::Deferred { detail, retry_after } => {
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
    fn a_rejected_event_becomes_a_dead_letter() {
        let refused = || Outcome::Rejected("no".into());
        assert_eq!(verdict(1, 1, refused()), dead(Reason::Rejected));
    }

    #[test]
    fn a_failing_event_becomes_a_dead_letter_after_its_last_attempt() {
        let retry = Verdict::Retry { pause: Duration::ZERO, detail: "no".into() };
        assert_eq!(verdict(1, 1, Outcome::failed("no")), retry);
        assert_eq!(verdict(2, 1, Outcome::failed("no")), retry);
        assert_eq!(verdict(3, 1, Outcome::failed("no")), dead(Reason::AttemptsExhausted));
        assert_eq!(verdict(9, 1, Outcome::failed("no")), dead(Reason::AttemptsExhausted));
    }

    #[test]
    fn an_event_that_was_not_delivered_for_lack_of_permits_never_becomes_a_dead_letter() {
        let deferred = Outcome::Deferred { detail: "no".into(), retry_after: None };
        assert!(matches!(verdict(99, 1, deferred), Verdict::Retry { .. }));
    }

    #[test]
    fn events_of_a_batch_are_retried_one_by_one() {
        for outcome in [Outcome::failed("no"), Outcome::Rejected("no".into())] {
            assert!(matches!(verdict(3, 2, outcome), Verdict::Retry { .. }));
        }
    }

    #[test]
    fn processed_events_are_done() {
        assert_eq!(verdict(3, 7, Outcome::Done), Verdict::Done);
    }
}
