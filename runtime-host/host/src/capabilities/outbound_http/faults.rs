//! Requests to other hosts to which an operator's fault applies.

use super::failure::Failure;
use crate::chaos::{HANG_MAX, Planned};
use crate::message::BodyError;
use std::time::Duration;

/// Sends a request as the fault says.
pub(super) async fn with_fault<T>(
    planned: Option<Planned>,
    sending: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match planned {
        None | Some(Planned::Duplicate | Planned::Reorder) => sending.await,
        Some(Planned::Delay(time)) => {
            tokio::time::sleep(time).await;
            sending.await
        }
        Some(Planned::Fail | Planned::Trap) => Err(injected(BodyError::ConnectionRefused)),
        Some(Planned::Hang) => hang(HANG_MAX).await,
        Some(Planned::Lose) => {
            sending.await?;
            Err(injected(BodyError::ConnectionTerminated))
        }
    }
}

async fn hang<T>(time: Duration) -> Result<T, Failure> {
    tokio::time::sleep(time).await;
    Err(injected(BodyError::ConnectionReadTimeout))
}

fn injected(code: BodyError) -> Failure {
    Failure { code, reason: "a fault was injected".into() }
}
