//! Running a call to the point where it really has to wait.
//!
//! A guest's event loop and what collects its answer wake each other a few times in every call.
//! Each of these wake-ups would send the task through the runtime's queue, and everything that
//! the task goes through (connection, service, timers) would be polled again. So a wake-up that
//! comes while the call is being polled is answered on the spot, by another turn.
//!
//! A callee over a link is a task of its own, although it could take its turns within its caller's:
//! that was measured, and a task of the same thread costs less than being polled by two loops.

use futures::task::AtomicWaker;
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tokio::task::coop::has_budget_remaining;
use tokio::task::yield_now;

/// PollDriver that a call may take before others are let in: far more than a small answer needs.
const TURNS_MAX: usize = 32;

thread_local! {
    /// Whether the turn that is being taken on this thread is not the last of its poll.
    static ANOTHER_COMES: Cell<bool> = const { Cell::new(false) };
}

/// Whether whoever is being polled will be polled again before the thread turns to other things.
/// Then a timer can wait: it may turn out not to be needed.
pub(crate) fn will_poll_again() -> bool {
    ANOTHER_COMES.get()
}

/// The wake-ups of one instance. It serves one call at a time, so they are that call's.
#[derive(Default)]
pub(crate) struct PollDriver {
    woken: AtomicBool,
    giving_way: AtomicBool,
    /// Who is told of a wake-up that comes between polls. Empty during a poll.
    task: AtomicWaker,
}

impl PollDriver {
    /// The guest has computed for so long that others come first now.
    pub(crate) fn give_way(&self) {
        self.giving_way.store(true, Ordering::Relaxed);
    }

    /// Run a future to its end.
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
        self.giving_way.store(false, Ordering::Relaxed);
        let mut another_comes = true;
        for _ in 0..TURNS_MAX {
            self.task.take();
            self.woken.store(false, Ordering::Relaxed);
            ANOTHER_COMES.set(another_comes);
            let poll = work(&mut Context::from_waker(waker));
            ANOTHER_COMES.set(false);
            if let Poll::Ready(output) = poll {
                return Poll::Ready(output);
            }
            // Without a budget, whatever of tokio's is asked says "not yet".
            if self.giving_way.load(Ordering::Relaxed) || !has_budget_remaining() {
                break;
            }
            if self.woken.load(Ordering::Acquire) {
                another_comes = true;
                continue;
            }
            if another_comes {
                // Nothing moves any more, so this is the time for timers.
                another_comes = false;
                continue;
            }
            self.task.register(cx.waker());
            // From here on wake-ups reach the task; one that came just before did not.
            if !self.woken.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            another_comes = true;
        }
        // Not by waking the task: it would be polled many times more before anybody looks whether
        // something has come in.
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

    /// Wakes itself so many times before it ends.
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
        let turns = Arc::new(PollDriver::default());
        assert_eq!(poll_once(turns.run(restless(TURNS_MAX - 1))), (Poll::Ready(()), 0));
    }

    #[test]
    fn work_that_never_rests_lets_others_in() {
        let turns = Arc::new(PollDriver::default());
        assert_eq!(poll_once(turns.run(restless(usize::MAX))), (Poll::Pending, 1));
    }

    #[test]
    fn a_guest_that_computes_lets_others_in_at_every_tick() {
        let turns = Arc::new(PollDriver::default());
        let computing = async {
            turns.give_way();
            restless(1).await;
        };
        assert_eq!(poll_once(turns.run(computing)), (Poll::Pending, 1));
    }

    #[test]
    fn the_last_turn_of_a_poll_is_known_and_comes_when_nothing_moves() {
        let turns = Arc::new(PollDriver::default());
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
        assert_eq!(poll_once(turns.run(look(false))), (Poll::Pending, 0));
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [true, false]);
        assert_eq!(poll_once(turns.run(look(true))), (Poll::Pending, 0));
        assert_eq!(*seen.lock().unwrap(), [true, true, false]);
        assert!(!will_poll_again());
    }

    #[tokio::test]
    async fn a_wake_up_between_polls_reaches_the_task() {
        let turns = Arc::new(PollDriver::default());
        let (sender, receiver) = oneshot::channel();
        let task = tokio::spawn(async move { turns.run(receiver).await });
        yield_now().await;
        sender.send(7).unwrap();
        assert_eq!(task.await.unwrap(), Ok(7));
    }
}
