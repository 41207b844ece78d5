//! Where the answer of a call goes: once, and to a caller that may be gone.

use super::{CallError, Kind};
use crate::background::{self, Background, Step};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use tokio::sync::oneshot;

type Answer<T> = Result<T, CallError>;

/// The answer that is still owed.
pub(crate) struct Reply<T>(Mutex<Option<oneshot::Sender<Answer<T>>>>);

impl<T> Reply<T> {
    fn new() -> (Self, oneshot::Receiver<Answer<T>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// The first answer counts.
    pub(crate) fn send(&self, answer: Answer<T>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A caller that has gone does not need the answer any more.
        let _ = sender.map(|sender| sender.send(answer));
    }

    /// Whether there was an answer.
    pub(crate) fn sent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// The answer of `work`. It runs in the caller's task until then; the rest after its answer runs in
/// a separate task. A long computation continues in the background.
pub(crate) async fn run_until_reply<T, W>(
    background: &Background,
    work: impl FnOnce(Reply<T>) -> W,
) -> Answer<T>
where
    W: Future<Output = ()> + Send + 'static,
{
    let (reply, mut answer) = Reply::new();
    let mut work = Box::pin(work(reply));
    let pause = poll_fn(|cx| {
        let step = background::poll(work.as_mut(), cx);
        if step == Step::Ended {
            return Poll::Ready(Pause::Ended);
        }
        match Pin::new(&mut answer).poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Pause::Answered(answer.ok())),
            Poll::Pending if step == Step::Computes => Poll::Ready(Pause::Computes),
            Poll::Pending => Poll::Pending,
        }
    });
    let answer = match pause.await {
        Pause::Ended => answer.try_recv().ok(),
        Pause::Answered(answer) => {
            tokio::spawn(go_on(work, background.clone()));
            answer
        }
        Pause::Computes => {
            let task = background.go_on(work);
            let answer = answer.await.ok();
            task.detach();
            answer
        }
    };
    answer
        .unwrap_or_else(|| Err(CallError::new(Kind::NoAnswer, "the call ended without an answer")))
}

/// Why a call no longer runs in its caller's task.
enum Pause<T> {
    Ended,
    /// It has answered and is not finished.
    Answered(Option<Answer<T>>),
    /// It has computed for too long for the foreground.
    Computes,
}

/// The rest of a call after its answer.
async fn go_on<W>(mut work: Pin<Box<W>>, background: Background)
where
    W: Future<Output = ()> + Send + 'static,
{
    let computes = poll_fn(|cx| match background::poll(work.as_mut(), cx) {
        Step::Ended => Poll::Ready(false),
        Step::Computes => Poll::Ready(true),
        Step::Waits => Poll::Pending,
    });
    if computes.await {
        background.go_on(work).detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn the_first_answer_counts_and_work_goes_on_after_it() {
        let (go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (may_go_on, tell) = (go_on.clone(), done.clone());
        let background = Background::of_test();
        let answer = run_until_reply(&background, |reply: Reply<u8>| async move {
            assert!(!reply.sent());
            reply.send(Ok(1));
            assert!(reply.sent());
            reply.send(Ok(2));
            may_go_on.notified().await;
            tell.notify_one();
        });
        assert_eq!(answer.await.unwrap(), 1);
        go_on.notify_one();
        done.notified().await;
    }

    #[tokio::test]
    async fn work_that_ends_without_an_answer_is_an_error() {
        let answer: Answer<u8> =
            run_until_reply(&Background::of_test(), |reply| async move { drop(reply) }).await;
        assert_eq!(answer.unwrap_err().kind, Kind::NoAnswer);
    }

    /// Requests to move at every poll, and needs three polls.
    async fn compute() {
        for _ in 0..3 {
            background::ask();
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn long_computations_continue_in_the_background_and_answer_from_there() {
        let background = Background::of_test();
        let answer = run_until_reply(&background, |reply: Reply<u8>| async move {
            compute().await;
            reply.send(Ok(1));
        });
        assert_eq!(answer.await.unwrap(), 1);
        assert_eq!(background.moved(), 1);
    }

    #[tokio::test]
    async fn a_request_to_move_at_the_end_does_not_affect_the_next_call() {
        let background = Background::of_test();
        let ends = run_until_reply(&background, |reply: Reply<u8>| async move {
            background::ask();
            reply.send(Ok(1));
        });
        assert_eq!(ends.await.unwrap(), 1);
        let next = run_until_reply(&background, |reply: Reply<u8>| async move {
            tokio::task::yield_now().await;
            reply.send(Ok(2));
        });
        assert_eq!((next.await.unwrap(), background.moved()), (2, 0));
    }

    #[tokio::test]
    async fn computation_after_the_answer_continues_in_the_background() {
        let background = Background::of_test();
        let done = Arc::new(Notify::new());
        let tell = done.clone();
        let answer = run_until_reply(&background, |reply: Reply<u8>| async move {
            reply.send(Ok(1));
            tokio::task::yield_now().await;
            compute().await;
            tell.notify_one();
        });
        assert_eq!((answer.await.unwrap(), background.moved()), (1, 0));
        done.notified().await;
        assert_eq!(background.moved(), 1);
    }

    #[tokio::test]
    async fn background_work_is_canceled_with_its_caller() {
        let background = Background::of_test();
        let gone = Arc::new(());
        let held = gone.clone();
        let answer = run_until_reply(&background, |reply: Reply<u8>| async move {
            let _held = (held, reply);
            compute().await;
            std::future::pending().await
        });
        let mut answer = Box::pin(answer);
        while background.moved() == 0 {
            assert!(futures::poll!(&mut answer).is_pending());
            tokio::task::yield_now().await;
        }
        drop(answer);
        while Arc::strong_count(&gone) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
