//! What an answer says about the callee, and whether the call may be repeated.

use crate::calls::{CallError, Kind};
use std::time::Duration;
use tessera_resilience::breaker::Outcome;

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgment {
    /// For the circuit breaker.
    pub(crate) outcome: Outcome,
    pub(crate) repeat: Repeat,
    /// How long the callee asks its callers to wait.
    pub(crate) retry_after: Option<Duration>,
}

/// Whether a call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It would have the same answer.
    Never,
    /// It is not known whether it took effect.
    IfIdempotent,
    /// It took no effect.
    Always,
}

/// A response, as far as policies look into it.
pub(crate) trait Judge {
    /// By default, each response is a success: an error of the contract is one, too.
    fn judge(&self) -> Judgment {
        Judgment::SUCCESS
    }
}

/// What a call ends with: a response or an error.
pub(crate) trait Answer {
    fn judge(&self) -> Judgment;
    /// Whether there was no response before the deadline.
    fn is_late(&self) -> bool;
    /// The call was not made.
    fn refused(error: CallError) -> Self;
}

impl Judgment {
    pub(crate) const SUCCESS: Self =
        Self { outcome: Outcome::Success, repeat: Repeat::Never, retry_after: None };
    /// Nothing is known about the callee.
    pub(crate) const IGNORED: Self = Self { outcome: Outcome::Ignored, ..Self::SUCCESS };

    pub(crate) fn failure(repeat: Repeat) -> Self {
        Self { outcome: Outcome::Failure, repeat, retry_after: None }
    }
}

impl<T: Judge> Answer for Result<T, CallError> {
    fn judge(&self) -> Judgment {
        match self {
            Ok(response) => response.judge(),
            Err(error) => of_error(error),
        }
    }

    fn is_late(&self) -> bool {
        self.as_ref().is_err_and(|error| error.kind == Kind::DeadlineExceeded)
    }

    fn refused(error: CallError) -> Self {
        Err(error)
    }
}

fn of_error(error: &CallError) -> Judgment {
    match error.kind {
        Kind::QueueFull
        | Kind::QueueTimeout
        | Kind::Shed
        | Kind::StreamsFull
        | Kind::MemoryShort => Judgment {
            outcome: Outcome::Overload,
            repeat: Repeat::Always,
            retry_after: error.retry_after(),
        },
        // A policy of another edge refused it. The callee itself was not reached.
        Kind::CircuitOpen | Kind::BulkheadFull => {
            Judgment { retry_after: error.retry_after(), ..Judgment::IGNORED }
        }
        Kind::NotFound
        | Kind::CallDepth
        | Kind::BodyTooLarge
        | Kind::BodyIncomplete
        | Kind::BodyMalformed => Judgment::IGNORED,
        Kind::DeadlineExceeded
        | Kind::Trap
        | Kind::CpuTime
        | Kind::Memory
        | Kind::NoAnswer
        | Kind::InvalidAnswer
        | Kind::Host => Judgment::failure(Repeat::IfIdempotent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response of a contract.
    struct Value;

    impl Judge for Value {}

    fn judge(kind: Kind) -> Judgment {
        Result::<Value, _>::Err(CallError::new(kind, "")).judge()
    }

    #[test]
    fn a_response_is_a_success_whatever_it_says() {
        assert_eq!(Ok(Value).judge(), Judgment::SUCCESS);
    }

    #[test]
    fn what_the_caller_did_wrong_says_nothing_about_the_callee() {
        for kind in [Kind::NotFound, Kind::CallDepth, Kind::BodyTooLarge, Kind::BodyMalformed] {
            assert_eq!(judge(kind), Judgment::IGNORED, "{kind:?}");
        }
    }

    #[test]
    fn a_call_that_was_refused_took_no_effect() {
        let refused = judge(Kind::QueueFull);
        assert_eq!((refused.outcome, refused.repeat), (Outcome::Overload, Repeat::Always));
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_call_without_an_answer_may_have_taken_effect() {
        for kind in [Kind::Trap, Kind::DeadlineExceeded, Kind::NoAnswer] {
            assert_eq!(judge(kind), Judgment::failure(Repeat::IfIdempotent), "{kind:?}");
        }
    }
}
