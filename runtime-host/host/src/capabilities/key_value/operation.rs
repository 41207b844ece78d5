//! One operation on a store: measured, and never longer than the call that it belongs to.

use crate::calls::Kind;
use crate::capabilities::State;
use crate::chaos::{Faults, traced};
use crate::engine::{Arguments, InFlight};
use crate::telemetry::{Outcome, Span, SpanKind};
use std::future::Future;
use std::sync::Arc;
use tessera_resilience::Deadline;
use tessera_storage::{Error, ErrorKind};

/// Why an operation failed. All three interfaces have these cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OperationError {
    /// The instance holds too many stores open.
    TooManyOpen,
    /// The engine has no such store.
    NoSuchStore,
    /// The manifest does not grant it.
    AccessDenied,
    /// A message without details of files and machines, because a guest may pass it on.
    Other(String),
}

/// An operation in progress.
pub(super) struct Operation {
    component: Arc<str>,
    name: &'static str,
    deadline: Deadline,
    span: Span,
    in_flight: InFlight,
    faults: Option<Arc<Faults>>,
    /// The data to write, counted until the operation is done.
    _written: Option<Arguments>,
}

impl Operation {
    pub(super) fn begin(state: &State, name: &'static str) -> Self {
        Self {
            component: state.component.id.clone(),
            name,
            deadline: state.call.deadline,
            span: state.span(SpanKind::Store, name),
            in_flight: state.in_flight.clone(),
            faults: state.guest.grants.faults().cloned(),
            _written: None,
        }
    }

    /// Counts the bytes to write, which the host keeps until it is done.
    pub(super) fn writing(mut self, bytes: usize) -> Self {
        self._written = Some(self.in_flight.count(bytes));
        self
    }

    /// Runs the whole operation. `work` begins only if there is time left: an engine may do its work
    /// when it is called, not when it is first polled.
    pub(super) async fn run<T, W>(mut self, work: impl FnOnce() -> W) -> Result<T, OperationError>
    where
        W: Future<Output = tessera_storage::Result<T>>,
    {
        let result = self.step(work).await;
        if result.is_ok() {
            self.end();
        }
        result
    }

    /// Runs a part of it. If it fails, the operation has ended.
    pub(super) async fn step<T, W>(&mut self, work: impl FnOnce() -> W) -> Result<T, OperationError>
    where
        W: Future<Output = tessera_storage::Result<T>>,
    {
        let work = async { work().await };
        let work = traced(self.faults.as_ref(), &self.component, &self.span.context, work);
        match self.deadline.limit(work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.refused(&error)),
            Err(_) => {
                self.span.end(Kind::DeadlineExceeded.outcome());
                Err(OperationError::Other(
                    "the deadline of the call has passed; whether a write took effect is not known"
                        .into(),
                ))
            }
        }
    }

    /// Ends it successfully.
    pub(super) fn end(&mut self) {
        self.span.end(Outcome::Ok);
    }

    /// Ends it with an expected refusal, such as a lost race.
    pub(super) fn end_refused(&mut self) {
        self.span.end(Outcome::Refused);
    }

    /// The store failed: the log has the whole error, and the guest gets what concerns it.
    pub(super) fn refused(&mut self, error: &Error) -> OperationError {
        if error.kind == ErrorKind::Invalid {
            self.span.end(Outcome::Refused);
            return OperationError::Other(error.message.clone());
        }
        self.span.end(Kind::Host.outcome());
        tracing::warn!(component = %self.component, operation = self.name, "store: {error}");
        OperationError::from(error.kind)
    }
}

impl From<ErrorKind> for OperationError {
    fn from(kind: ErrorKind) -> Self {
        let text = match kind {
            ErrorKind::NoSuchStore => return Self::NoSuchStore,
            ErrorKind::Denied => "the store refuses access",
            ErrorKind::Full => "the store is full",
            ErrorKind::InUse => "the store is in use by another process",
            ErrorKind::Unavailable => "the store is not available; try again in a moment",
            ErrorKind::Corrupt => "the store is damaged",
            ErrorKind::Incompatible => "the store was written by a newer version of the host",
            ErrorKind::Invalid => "the store does not accept this request",
        };
        Self::Other(text.into())
    }
}
