//! Queued operations.

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{Engine, Error, Operation, Result};

/// A queued operation, regardless of the type of its answer.
pub(crate) trait Job<E: Engine>: Send {
    /// Applies the operation and stores its answer.
    fn apply(&mut self, group: &mut E::Group<'_>) -> rusqlite::Result<()>;

    /// Sends the stored answer after the commit, or this error.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

pub(crate) type Sender<E> = mpsc::Sender<Box<dyn Job<E>>>;
pub(crate) type Receiver<E> = mpsc::Receiver<Box<dyn Job<E>>>;

/// An operation and the caller that waits for its answer.
pub(crate) struct Pending<O, A> {
    operation: O,
    answer: Option<A>,
    caller: oneshot::Sender<Result<A>>,
    /// Its share of the bytes of the queue.
    _bytes: OwnedSemaphorePermit,
}

impl<O, A> Pending<O, A> {
    pub(crate) fn new(
        operation: O,
        caller: oneshot::Sender<Result<A>>,
        bytes: OwnedSemaphorePermit,
    ) -> Self {
        Self { operation, answer: None, caller, _bytes: bytes }
    }
}

impl<E: Engine, O: Operation<E>> Job<E> for Pending<O, O::Answer> {
    fn apply(&mut self, group: &mut E::Group<'_>) -> rusqlite::Result<()> {
        self.answer = Some(self.operation.apply(group)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let answer = match (failure, self.answer) {
            (Some(failure), _) => Err(failure),
            (None, Some(answer)) => Ok(answer),
            // Unreachable: a transaction commits only after all its operations were applied. The
            // caller then finds its channel closed.
            (None, None) => return,
        };
        // The caller may have been canceled.
        drop(self.caller.send(answer));
    }
}
