//! Faults that an operator injects, to see what an application does when something fails: calls of
//! components, requests to other hosts, stores, the event log, and clocks.
//!
//! A host has them only if it was started with `--chaos`. Without it, none of this is asked. Each
//! fault has a rate and an end. Each injection is in the log, in the trace of the operation, and in
//! `tessera_faults_injected_total`.
//!
//! What is decided here are values; [`calls`](crate::calls) and the other places carry it out.

mod clock;
mod events;
mod fault;
mod faults;
mod store;
mod traced;

pub(crate) use clock::SteppedClock;
pub(crate) use events::{FaultyDeliveries, FaultyEvents};
pub(crate) use fault::{Access, Effect, Fault, Target};
pub(crate) use faults::{AddError, FAULTS_MAX, Faults};
pub(crate) use store::StoreWithFaults;
pub(crate) use traced::traced;

use std::time::Duration;

/// How long an operation hangs if its caller does not give up before.
pub(crate) const HANG_MAX: Duration = Duration::from_secs(30);

/// What happens to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planned {
    /// It begins later.
    Delay(Duration),
    /// It fails without taking effect, as if what serves it could not be reached.
    Fail,
    /// What serves it traps before it takes effect.
    Trap,
    /// It has no result until its caller gives up, or for [`HANG_MAX`].
    Hang,
    /// It takes effect, and its result is lost.
    Lose,
    /// A delivery is made twice, the second time at once.
    Duplicate,
    /// A delivery is made twice, the second time after a later one.
    Reorder,
    /// A clock shows another time.
    Step { by_ms: i64 },
}

impl Planned {
    /// Carries it out on an operation that is not repeated. `failed` is its error.
    pub(crate) async fn apply<T, E>(
        self,
        work: impl Future<Output = Result<T, E>>,
        failed: impl FnOnce() -> E,
    ) -> Result<T, E> {
        match self {
            Self::Duplicate | Self::Reorder | Self::Step { .. } => work.await,
            Self::Delay(time) => {
                tokio::time::sleep(time).await;
                work.await
            }
            Self::Fail | Self::Trap => Err(failed()),
            Self::Hang => {
                tokio::time::sleep(HANG_MAX).await;
                Err(failed())
            }
            Self::Lose => {
                work.await?;
                Err(failed())
            }
        }
    }
}

/// What a fault may apply to, as it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A call of a component; `from` is `outside` if no component makes it.
    Call { from: &'a str, to: &'a str, operation: &'a str },
    /// A request of a component to another host.
    Host { from: &'a str, host: &'a str },
    /// An operation on a store.
    Store { label: &'a str, writes: bool },
    /// Events that are published; the type is that of the first one.
    Publish { event_type: &'a str },
    /// A delivery of an event.
    Delivery { subscription: &'a str },
    /// A component reads its wall clock.
    Clock { component: &'a str },
}
