//! The reply of a call: sent once, to a caller that may be gone.

use super::{CallError, Kind};
use crate::background::{self, Background, Step, Work};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use tokio::sync::oneshot;

/// Sends the result of a call to its caller.
pub(crate) struct Reply<T>(Mutex<Option<oneshot::Sender<Result<T, CallError>>>>);

impl<T> Reply<T> {
    fn new() -> (Self, oneshot::Receiver<Result<T, CallError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// A reply and its receiver.
    #[cfg(test)]
    pub(crate) fn of_test() -> (Self, oneshot::Receiver<Result<T, CallError>>) {
        Self::new()
    }

    /// Sends the result. Only the first one counts.
    pub(crate) fn send(&self, result: Result<T, CallError>) {
        let sender = self.0.lock().take();
        // A caller that has gone does not need the result.
        let _ = sender.map(|sender| sender.send(result));
    }

    /// Whether a result was sent.
    pub(crate) fn sent(&self) -> bool {
        self.0.lock().is_none()
    }
}

/// Runs the work of a call until it replies, and returns the reply.
///
/// The work runs in the caller's task until then; the rest of it, after the reply, runs in a
/// separate task. A long computation continues in the background. Dropping the future before the
/// reply stops the work.
#[expect(clippy::disallowed_methods, reason = "work after the reply outlives its caller")]
pub(crate) async fn run_until_reply<T>(
    background: &Background,
    begin: impl FnOnce(Reply<T>) -> Work,
) -> Result<T, CallError> {
    let (reply, mut result) = Reply::new();
    let mut work = begin(reply);
    let pause = poll_fn(|cx| {
        let step = background::poll(&mut work, cx);
        if step == Step::Ended {
            return Poll::Ready(Pause::Ended);
        }
        match Pin::new(&mut result).poll(cx) {
            Poll::Ready(result) => Poll::Ready(Pause::Replied(result.ok())),
            Poll::Pending if step == Step::Computes => Poll::Ready(Pause::Computes),
            Poll::Pending => Poll::Pending,
        }
    });
    let result = match pause.await {
        Pause::Ended => result.try_recv().ok(),
        Pause::Replied(result) => {
            tokio::spawn(finish(work, background.clone()));
            result
        }
        Pause::Computes => {
            let task = background.spawn(work);
            let result = result.await.ok();
            task.detach();
            result
        }
    };
    result.unwrap_or_else(|| Err(CallError::new(Kind::NoAnswer, "the call ended without a reply")))
}

/// Why a call no longer runs in its caller's task.
enum Pause<T> {
    Ended,
    /// It has replied and is not finished.
    Replied(Option<Result<T, CallError>>),
    /// It has computed for too long for the foreground.
    Computes,
}

/// The rest of a call after its reply.
async fn finish(mut work: Work, background: Background) {
    let computes = poll_fn(|cx| match background::poll(&mut work, cx) {
        Step::Ended => Poll::Ready(false),
        Step::Computes => Poll::Ready(true),
        Step::Waits => Poll::Pending,
    });
    if computes.await {
        background.spawn(work).detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    async fn reply_of<W: Future<Output = ()> + Send + 'static>(
        background: &Background,
        work: impl FnOnce(Reply<u8>) -> W,
    ) -> Result<u8, CallError> {
        run_until_reply(background, |reply| Box::pin(work(reply))).await
    }

    #[tokio::test]
    async fn the_first_reply_counts_and_work_continues_after_it() {
        let (proceed, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (may_proceed, notify) = (proceed.clone(), done.clone());
        let background = Background::of_test();
        let result = reply_of(&background, |reply| async move {
            assert!(!reply.sent());
            reply.send(Ok(1));
            assert!(reply.sent());
            reply.send(Ok(2));
            may_proceed.notified().await;
            notify.notify_one();
        });
        assert_eq!(result.await.unwrap(), 1);
        proceed.notify_one();
        done.notified().await;
    }

    #[tokio::test]
    async fn work_that_ends_without_a_reply_is_an_error() {
        let result = reply_of(&Background::of_test(), |reply| async move { drop(reply) }).await;
        assert_eq!(result.unwrap_err().kind, Kind::NoAnswer);
    }

    /// Requests to move at every poll, and needs three polls.
    async fn compute() {
        for _ in 0..3 {
            background::request_move();
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn long_computations_continue_in_the_background_and_reply_from_there() {
        let background = Background::of_test();
        let result = reply_of(&background, |reply| async move {
            compute().await;
            reply.send(Ok(1));
        });
        assert_eq!(result.await.unwrap(), 1);
        assert_eq!(background.moved(), 1);
    }

    #[tokio::test]
    async fn a_request_to_move_at_the_end_does_not_affect_the_next_call() {
        let background = Background::of_test();
        let ends = reply_of(&background, |reply| async move {
            background::request_move();
            reply.send(Ok(1));
        });
        assert_eq!(ends.await.unwrap(), 1);
        let next = reply_of(&background, |reply| async move {
            tokio::task::yield_now().await;
            reply.send(Ok(2));
        });
        assert_eq!((next.await.unwrap(), background.moved()), (2, 0));
    }

    #[tokio::test]
    async fn computation_after_the_reply_continues_in_the_background() {
        let background = Background::of_test();
        let done = Arc::new(Notify::new());
        let notify = done.clone();
        let result = reply_of(&background, |reply| async move {
            reply.send(Ok(1));
            tokio::task::yield_now().await;
            compute().await;
            notify.notify_one();
        });
        assert_eq!((result.await.unwrap(), background.moved()), (1, 0));
        done.notified().await;
        assert_eq!(background.moved(), 1);
    }

    #[tokio::test]
    async fn background_work_is_canceled_with_its_caller() {
        let background = Background::of_test();
        let gone = Arc::new(());
        let held = gone.clone();
        let result = reply_of(&background, |reply| async move {
            let _held = (held, reply);
            compute().await;
            std::future::pending().await
        });
        let mut result = Box::pin(result);
        while background.moved() == 0 {
            assert!(futures::poll!(&mut result).is_pending());
            tokio::task::yield_now().await;
        }
        drop(result);
        while Arc::strong_count(&gone) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
