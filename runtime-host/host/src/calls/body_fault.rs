//! The fault of a request's body. It is recorded where the body is read, and checked when the call
//! ends.
//!
//! If a guest fails because the body of its request was faulty, the body is the cause. So the fault
//! is attached to the request, and the call reports it instead of the guest's failure.

use super::{CallError, Kind};
use std::sync::{Arc, OnceLock};

/// The first fault of one body, if any.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyFault(Arc<OnceLock<CallError>>);

impl BodyFault {
    /// Records a fault. Only the first one counts: others are consequences of it.
    pub(crate) fn set(&self, kind: Kind, detail: impl Into<String>) {
        let _ = self.0.set(CallError::new(kind, detail));
    }

    /// The resulting error of the call.
    pub(crate) fn error(&self) -> Option<CallError> {
        self.0.get().cloned()
    }
}
