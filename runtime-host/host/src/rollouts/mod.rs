//! New revisions of components, while the application runs.
//!
//! [`RevisionSet`] is what calls see: the revisions of one component, and which calls each of them
//! serves. [`Rollouts`] changes it: an operator deploys, promotes and rolls back, and candidates are
//! compared with the stable revision by the rules of `tessera_rollout`. Each change is durable before
//! it has an effect ([`record`]), so that after a crash the same revisions serve calls as before.

mod controller;
mod operations;
mod progress;
mod record;
mod revision_set;
mod shown;

pub(crate) use controller::{Component, Rollouts};
pub(crate) use operations::{Code, Deployment, Refused};
pub(crate) use record::{CodeId, Cohort, Entry, Event, Records, Resumed, Sticky};
pub(crate) use revision_set::{RevisionSet, Weighed};
pub(crate) use shown::{ComponentView, RolloutView};

use futures::future::BoxFuture;
use tessera_rollout::meter::Observed;

/// Makes a revision the candidate.
pub(crate) type Install = Box<dyn FnOnce() + Send>;

/// A revision that is to be stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Candidate,
    Previous,
}

/// One component, as rollouts change it.
pub(crate) trait Slot: Send + Sync {
    /// Compiles and links new code. It is the candidate once the result is called, and gets no calls
    /// yet.
    fn make(&self, code: Vec<u8>) -> BoxFuture<'_, anyhow::Result<Install>>;

    /// Checks that a revision fits the stable revisions of its callers and of those that it calls.
    fn check(&self, which: Which) -> anyhow::Result<()>;

    /// Sets which calls the candidate gets.
    fn weigh(&self, weighed: Weighed);

    /// The candidate gets all calls, and is the stable revision from now on. What it replaces is
    /// kept, so that it can be taken back at once.
    fn promote(&self);

    /// Forgets the candidate.
    fn withdraw(&self);

    /// The revision that was stable before gets all calls again. Returns whether there is one.
    fn take_back(&self) -> bool;

    /// What was measured of the stable revision and of the candidate since this was last asked.
    fn measured(&self) -> [Observed; 2];
}
