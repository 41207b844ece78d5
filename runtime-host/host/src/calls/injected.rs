//! Calls to which an operator's fault applies.

use super::{Admitted, CallError, Kind};
use crate::chaos::{HANG_MAX, Planned};
use std::time::Duration;

/// Serves an admitted call as the fault says. The call keeps its permit, like one of a callee that
/// is slow or hangs by itself.
pub(super) async fn with_fault<T, F: Future<Output = Result<T, CallError>>>(
    planned: Planned,
    mut admitted: Admitted,
    run: impl FnOnce(Admitted) -> F,
) -> Result<T, CallError> {
    let error = match planned {
        Planned::Delay(time) if time < admitted.deadline.remaining() => {
            tokio::time::sleep(time).await;
            return run(admitted).await;
        }
        Planned::Delay(time) => hang(&admitted, time).await,
        Planned::Hang => hang(&admitted, HANG_MAX).await,
        Planned::Fail => injected(Kind::Host),
        Planned::Trap => injected(Kind::Trap),
        Planned::Lose => {
            run(admitted).await?;
            return Err(injected(Kind::NoAnswer));
        }
        Planned::Duplicate | Planned::Reorder | Planned::Step { .. } => {
            return run(admitted).await;
        }
    };
    admitted.span.end(error.kind.outcome());
    Err(error)
}

async fn hang(admitted: &Admitted, time_max: Duration) -> CallError {
    tokio::time::sleep(admitted.deadline.remaining().min(time_max)).await;
    injected(Kind::DeadlineExceeded)
}

fn injected(kind: Kind) -> CallError {
    CallError::new(kind, "a fault was injected")
}
