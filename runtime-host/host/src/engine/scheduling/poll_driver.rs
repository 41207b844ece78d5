//! Runs a call to the point where it really has to wait.
//!
//! A guest's event loop and the code that collects its response wake each other a few times in
//! every call. Each of these wake-ups would send the task through the runtime's queue, and
//! everything around the call (connection, service, timers) would be polled again. So if a wake-up
//! comes while the call is being polled, the call is polled again immediately.
//!
//! A callee over a link is a separate task, although it could be polled within its caller's: a task
//! of the same thread was measured to cost less than being polled by two loops.

use futures::task::AtomicWaker;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tokio::task::coop::has_budget_remaining;
use tokio::task::yield_now;

/// Consecutive polls of a call before it yields to others: far more than a small response needs.
const POLLS_MAX: usize = 32;

thread_local! {
    /// Whether the call that is being polled on this thread will be polled again.
    static WILL_POLL_AGAIN: Cell<bool> = const { Cell::new(false) };
}

/// Whether the call that is being polled will be polled again before the thread turns to other
/// tasks. Then a timer can wait: it may turn out not to be needed.
pub(crate) fn will_poll_again() -> bool {
    WILL_POLL_AGAIN.get()
}

/// Drives the calls of one instance, which serves one call at a time, and receives their wake-ups.
#[derive(Default)]
pub(crate) struct PollDriver {
    woken: AtomicBool,
    yielding: AtomicBool,
    /// The task to wake if a wake-up comes between polls. Empty during a poll.
    task: AtomicWaker,
}

impl PollDriver {
    /// The guest has computed for long enough: it yields to others after this poll.
    pub(crate) fn yield_after_poll(&self) {
        self.yielding.store(true, Ordering::Relaxed);
    }

    /// Runs a future to its end.
    pub(crate) async fn run<F: Future>(self: &Arc<Self>, work: F) -> F::Output {
        let waker = Waker::from(self.clone());
        let mut work = pin!(work);
        poll_fn(|cx| self.poll(cx, |inner| work.as_mut().poll(inner), &waker)).await
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
        waker: &Waker,
    ) -> Poll<T> {
        self.yielding.store(false, Ordering::Relaxed);
        let mut again = true;
        for _ in 0..POLLS_MAX {
            self.task.take();
            self.woken.store(false, Ordering::Relaxed);
            WILL_POLL_AGAIN.set(again);
            let poll = work(&mut Context::from_waker(waker));
            WILL_POLL_AGAIN.set(false);
            if let Poll::Ready(output) = poll {
                return Poll::Ready(output);
            }
            // Without a budget, all of tokio's resources are pending.
            if self.yielding.load(Ordering::Relaxed) || !has_budget_remaining() {
                break;
            }
            if self.woken.load(Ordering::Acquire) {
                again = true;
                continue;
            }
            if again {
                // Nothing makes progress, so this is the time for timers.
                again = false;
                continue;
            }
            self.task.register(cx.waker());
            // From here on, wake-ups reach the task; one that came just before did not.
            if !self.woken.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            again = true;
        }
        // Not by waking the task: it would be polled many more times before the runtime looks for
        // input.
        let _first_poll_is_pending = pin!(yield_now()).poll(cx);
        Poll::Pending
    }
}

impl Wake for PollDriver {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::oneshot;
    use futures::task::{ArcWake, waker};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    /// Counts how often a task would have gone back into the runtime's queue.
    #[derive(Default)]
    struct Queued(AtomicUsize);

    impl ArcWake for Queued {
        fn wake_by_ref(queued: &Arc<Self>) {
            queued.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wakes itself this many times before it ends.
    async fn restless(times: usize) {
        for _ in 0..times {
            yield_now().await;
        }
    }

    fn poll_once<T>(work: impl Future<Output = T>) -> (Poll<T>, usize) {
        let queued = Arc::new(Queued::default());
        let waker = waker(queued.clone());
        let poll = pin!(work).poll(&mut Context::from_waker(&waker));
        (poll, queued.0.load(Ordering::Relaxed))
    }

    #[test]
    fn work_that_wakes_itself_ends_in_one_poll() {
        let driver = Arc::new(PollDriver::default());
        assert_eq!(poll_once(driver.run(restless(POLLS_MAX - 1))), (Poll::Ready(()), 0));
    }

    #[test]
    fn work_that_never_rests_yields_to_others() {
        let driver = Arc::new(PollDriver::default());
        assert_eq!(poll_once(driver.run(restless(usize::MAX))), (Poll::Pending, 1));
    }

    #[test]
    fn a_guest_that_computes_yields_at_every_tick() {
        let driver = Arc::new(PollDriver::default());
        let computing = async {
            driver.yield_after_poll();
            restless(1).await;
        };
        assert_eq!(poll_once(driver.run(computing)), (Poll::Pending, 1));
    }

    #[test]
    fn the_last_poll_is_known_and_comes_when_nothing_makes_progress() {
        let driver = Arc::new(PollDriver::default());
        let seen = Mutex::new(Vec::new());
        let look = |wake: bool| {
            let seen = &seen;
            poll_fn(move |cx| {
                let first = seen.lock().unwrap().is_empty();
                seen.lock().unwrap().push(will_poll_again());
                if wake && first {
                    cx.waker().wake_by_ref();
                }
                Poll::<()>::Pending
            })
        };
        assert_eq!(poll_once(driver.run(look(false))), (Poll::Pending, 0));
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [true, false]);
        assert_eq!(poll_once(driver.run(look(true))), (Poll::Pending, 0));
        assert_eq!(*seen.lock().unwrap(), [true, true, false]);
        assert!(!will_poll_again());
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the test awaits it")]
    async fn a_wake_up_between_polls_reaches_the_task() {
        let driver = Arc::new(PollDriver::default());
        let (sender, receiver) = oneshot::channel();
        let task = tokio::spawn(async move { driver.run(receiver).await });
        yield_now().await;
        sender.send(7).unwrap();
        assert_eq!(task.await.unwrap(), Ok(7));
    }
}
