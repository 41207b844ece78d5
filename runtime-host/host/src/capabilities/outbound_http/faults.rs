//! Requests to other hosts to which an operator's fault applies.

use super::failure::Failure;
use crate::chaos::Planned;
use crate::message::BodyError;

/// Sends a request as the fault says.
pub(super) async fn with_fault<T>(
    planned: Option<Planned>,
    sending: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(planned) = planned else { return sending.await };
    let code = match planned {
        Planned::Hang => BodyError::ConnectionReadTimeout,
        Planned::Lose => BodyError::ConnectionTerminated,
        _ => BodyError::ConnectionRefused,
    };
    planned.apply(sending, || injected(code)).await
}

fn injected(code: BodyError) -> Failure {
    Failure { code, reason: "a fault was injected".into() }
}
