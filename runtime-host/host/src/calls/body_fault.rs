//! What was wrong with a request's body, noted where it is read and asked for where the call ends.
//!
//! When a guest fails because the body of its request broke, the body is the reason. So the fault
//! travels with the request, and the end of the call names it in place of what the guest did.

use super::{CallError, Kind};
use std::sync::{Arc, OnceLock};

/// The first fault of one body, once there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyFault(Arc<OnceLock<CallError>>);

impl BodyFault {
    /// Note a fault. The first one counts: others follow from it.
    pub(crate) fn set(&self, kind: Kind, detail: impl Into<String>) {
        let _ = self.0.set(CallError::new(kind, detail));
    }

    /// The error of the whole call.
    pub(crate) fn error(&self) -> Option<CallError> {
        self.0.get().cloned()
    }
}
