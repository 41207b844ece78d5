//! What the errors of requests say about the callee, and which errors of calls they are.

use crate::calls::{Answer, CallError, Judge as _, Judgment, Kind, Repeat};
use crate::message::{BodyError, Response};

impl Answer for Result<Response, BodyError> {
    fn judge(&self) -> Judgment {
        match self {
            Ok(response) => response.judge(),
            Err(
                BodyError::HttpRequestDenied
                | BodyError::HttpRequestUriInvalid
                | BodyError::HttpRequestBodySize(_)
                | BodyError::LoopDetected,
            ) => Judgment::IGNORED,
            // No byte was sent.
            Err(
                BodyError::ConnectionRefused
                | BodyError::ConnectionTimeout
                | BodyError::DnsError { .. }
                | BodyError::DestinationUnavailable,
            ) => Judgment::failure(Repeat::Always),
            Err(_) => Judgment::failure(Repeat::IfIdempotent),
        }
    }

    fn is_late(&self) -> bool {
        let is_late = |error: &BodyError| {
            matches!(error, BodyError::ConnectionReadTimeout | BodyError::HttpResponseTimeout)
        };
        self.as_ref().is_err_and(is_late)
    }

    fn refused(error: CallError) -> Self {
        Err(body_error(&error))
    }
}

/// The error of `wasi:http` for a callee's failure.
pub(super) fn body_error(error: &CallError) -> BodyError {
    match error.kind {
        Kind::NotFound => BodyError::DestinationNotFound,
        Kind::QueueFull
        | Kind::QueueTimeout
        | Kind::Shed
        | Kind::StreamsFull
        | Kind::MemoryShort
        | Kind::BulkheadFull => BodyError::ConnectionLimitReached,
        Kind::CircuitOpen => BodyError::DestinationUnavailable,
        Kind::CallDepth => BodyError::LoopDetected,
        Kind::DeadlineExceeded => BodyError::HttpResponseTimeout,
        Kind::BodyTooLarge => BodyError::HttpRequestBodySize(None),
        Kind::BodyIncomplete | Kind::BodyMalformed => BodyError::ConnectionTerminated,
        Kind::InvalidAnswer => BodyError::HttpProtocolError,
        Kind::Trap | Kind::CpuTime | Kind::Memory | Kind::NoAnswer | Kind::Host => {
            BodyError::ConnectionTerminated
        }
    }
}
