//! Timers that exist only if there is something to wait for.
//!
//! Most calls end before anything has to wait. A timer of tokio costs a lock and an entry of the
//! timer wheel, twice, and a system call if no other ends earlier. So it is created when there is
//! nothing else to do.

use super::poll_driver::will_poll_again;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for a point in time.
pub(crate) struct LazyTimeout {
    end: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl LazyTimeout {
    pub(crate) fn until(end: Instant) -> Self {
        Self { end, timer: None }
    }

    /// Whether the time has passed, and a timer was needed for it.
    pub(crate) fn is_over(&self) -> bool {
        self.timer.is_some() && self.end <= Instant::now()
    }

    /// Ready when the time has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(self.end))).as_mut().poll(cx)
    }
}

/// The output of the work, or `None` if it takes longer than `time` after everything else waits for
/// it. Only within a [`PollDriver`](super::poll_driver::PollDriver), which polls again until nothing
/// makes progress.
pub(crate) async fn within<F: Future>(time: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut timeout = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if will_poll_again() {
            return Poll::Pending;
        }
        let timeout = timeout.get_or_insert_with(|| LazyTimeout::until(Instant::now() + time));
        timeout.poll(cx).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio::time::sleep;

    const TIME: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn work_that_is_done_in_time_gives_its_result() {
        assert_eq!(within(TIME, ready(1)).await, Some(1));
        assert_eq!(within(TIME, sleep(TIME / 2)).await, Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_takes_too_long_gives_nothing() {
        let begun = Instant::now();
        assert_eq!(within(TIME, pending::<()>()).await, None);
        assert!(begun.elapsed() >= TIME);
    }
}
