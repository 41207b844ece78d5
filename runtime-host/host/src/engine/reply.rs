//! Where the answer of a call goes: once, and to a caller that may be gone.

use crate::calls::{CallError, Kind};
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

type Answer<T> = Result<T, CallError>;

/// The answer that is still owed.
pub(super) struct Reply<T>(Mutex<Option<oneshot::Sender<Answer<T>>>>);

impl<T> Reply<T> {
    fn new() -> (Self, oneshot::Receiver<Answer<T>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// The first answer counts.
    pub(super) fn send(&self, answer: Answer<T>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A caller that has gone does not need the answer any more.
        let _ = sender.map(|sender| sender.send(answer));
    }

    /// Whether there was an answer.
    pub(super) fn sent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// What `work` answers. It runs in the caller's own task until then; what it still does after
/// its answer is its own business, in a task of its own.
pub(super) async fn answer_of<T, W>(work: impl FnOnce(Reply<T>) -> W) -> Answer<T>
where
    W: Future<Output = ()> + Send + 'static,
{
    let (reply, mut answer) = Reply::new();
    let mut work = Box::pin(work(reply));
    let early = tokio::select! {
        biased;
        () = &mut work => None,
        answer = &mut answer => Some(answer),
    };
    let answer = match early {
        Some(answer) => {
            tokio::spawn(work);
            answer.ok()
        }
        None => answer.try_recv().ok(),
    };
    answer
        .unwrap_or_else(|| Err(CallError::new(Kind::NoAnswer, "the call ended without an answer")))
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
        let answer = answer_of(|reply: Reply<u8>| async move {
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
        let answer: Answer<u8> = answer_of(|reply| async move { drop(reply) }).await;
        assert_eq!(answer.unwrap_err().kind, Kind::NoAnswer);
    }
}
