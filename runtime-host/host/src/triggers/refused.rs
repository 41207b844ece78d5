//! Runs that are refused for lack of permits: the component was not called, so a run is tried again
//! until the next one is due. Otherwise, a moment of overload would cost a schedule a whole interval.

use crate::calls::{CallError, Kind};
use crate::telemetry::{Telemetry, random};
use std::fmt;
use std::time::Duration;
use tessera_resilience::retry::{self, Failed};
use tokio::sync::watch;
use tokio::time::Instant;

/// The pauses between the attempts of one run. Only the next run ends them.
const PAUSES: retry::Options = retry::Options {
    attempts_max: u32::MAX,
    backoff: Duration::from_millis(200),
    backoff_max: Duration::from_secs(30),
    retry_after_max: Duration::MAX,
};

/// Why a run has not succeeded.
pub(super) enum Fault {
    /// The component was not called, because it has too many calls.
    Refused(CallError),
    /// The same until the next run was due.
    Lost(CallError),
    /// For the log.
    Failed(String),
}

/// A run of a component, by a clock.
pub(super) struct Run<'a> {
    pub(super) component: &'a str,
    /// What runs, for the log.
    pub(super) name: &'a str,
    /// When the next run is due.
    pub(super) next: Instant,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) telemetry: &'a Telemetry,
}

impl Run<'_> {
    /// Makes it, and makes it again as long as it is refused and the next one is not due. `None` if
    /// the application stops meanwhile.
    pub(super) async fn make<F: Future<Output = Result<(), Fault>>>(
        &mut self,
        attempt: impl Fn() -> F,
    ) -> Option<Result<(), Fault>> {
        let mut attempts = 0;
        loop {
            let error = match attempt().await {
                Err(Fault::Refused(error)) => error,
                ended => return Some(ended),
            };
            attempts += 1;
            let Some(pause) = self.pause(attempts, &error) else {
                self.telemetry.metrics.runs.lost(self.component);
                return Some(Err(Fault::Lost(error)));
            };
            if attempts == 1 {
                let (component, name) = (self.component, self.name);
                tracing::warn!(%component, "{name} is tried again until the next run: {error}");
            }
            self.telemetry.metrics.runs.retried(self.component);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // A closed channel means that everything is ending anyway.
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    fn pause(&self, attempts: u32, error: &CallError) -> Option<Duration> {
        let failed = Failed {
            attempts,
            retry_after: error.retry_after(),
            remaining: self.next.saturating_duration_since(Instant::now()),
            expected: Duration::ZERO,
        };
        PAUSES.pause(failed, random())
    }
}

/// Whether the component was not called: that says nothing about what it was to be called for.
pub(super) fn is_refusal(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::QueueFull | Kind::QueueTimeout | Kind::Shed | Kind::BulkheadFull | Kind::CircuitOpen
    )
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        if is_refusal(error.kind) { Self::Refused(error) } else { Self::Failed(error.to_string()) }
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Lost(error) => write!(f, "it was refused until the next run: {error}"),
            Self::Failed(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::cell::Cell;

    const S: Duration = Duration::from_secs(1);

    fn refused() -> Result<(), Fault> {
        Err(CallError::new(Kind::Shed, "test").into())
    }

    /// Makes a run that has this time until the next one. `attempt` gets the number of the attempt,
    /// from 1. Returns the result, and the number of attempts.
    async fn make(
        next: Duration,
        stop: watch::Receiver<bool>,
        attempt: impl Fn(u32) -> Result<(), Fault>,
    ) -> (Option<Result<(), Fault>>, u32) {
        let telemetry = Telemetry::default();
        let next = Instant::now() + next;
        let mut run = Run { component: "a", name: "a run", next, stop, telemetry: &telemetry };
        let attempts = Cell::new(0);
        let made = run.make(|| {
            attempts.set(attempts.get() + 1);
            let ended = attempt(attempts.get());
            async { ended }
        });
        let made = made.await;
        (made, attempts.get())
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_run_is_made_as_soon_as_there_is_room() {
        let (_sender, stop) = watch::channel(false);
        let third = |number| if number < 3 { refused() } else { Ok(()) };
        let (made, attempts) = make(3_600 * S, stop, third).await;
        assert!(made.unwrap().is_ok());
        assert_eq!(attempts, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_is_refused_until_the_next_one_is_lost() {
        let (_sender, stop) = watch::channel(false);
        let start = Instant::now();
        let (made, attempts) = make(3_600 * S, stop, |_| refused()).await;
        assert!(matches!(made, Some(Err(Fault::Lost(_)))));
        assert!((100..400).contains(&attempts), "{attempts}");
        let waited = start.elapsed();
        assert!(waited > 3_500 * S && waited < 3_600 * S, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_failed_is_not_made_again() {
        let (_sender, stop) = watch::channel(false);
        let fails = |_| Err(CallError::new(Kind::Trap, "test").into());
        let (made, attempts) = make(3_600 * S, stop, fails).await;
        assert!(matches!(made, Some(Err(Fault::Failed(_)))));
        assert_eq!(attempts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_attempts() {
        let (sender, stop) = watch::channel(false);
        let (made, attempts) = make(3_600 * S, stop, |number| {
            sender.send_replace(number == 2);
            refused()
        })
        .await;
        assert!(made.is_none());
        assert_eq!(attempts, 2);
    }
}
