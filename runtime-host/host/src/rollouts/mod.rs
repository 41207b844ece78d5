//! New revisions of components, while the application runs.
//!
//! A revision is the code of a component with its configuration. [`RevisionSet`] is what calls see:
//! the revisions of one component, and which calls each of them serves. [`Rollouts`] changes it: an
//! operator deploys, configures, promotes and rolls back, and candidates are compared with the stable
//! revision by the rules of `tessera_rollout`. Each change is durable before it has an effect
//! ([`files`]), so that after a crash the same revisions serve calls as before.

mod cohort;
mod configuring;
mod controller;
mod diff;
mod digest;
mod files;
mod operations;
mod progress;
mod record;
mod revision_set;
mod settings;
mod shown;

pub(crate) use cohort::{Cohort, Sticky};
pub(crate) use configuring::{Applied, Change, Configurator, Origin, Values};
pub(crate) use controller::{Component, Rollouts, now_ms};
pub(crate) use diff::{Diff, Interfaces, text};
pub(crate) use digest::{CodeId, RevisionId};
pub(crate) use files::{Records, Resumed};
pub(crate) use operations::{Code, Deployment, Refused};
pub(crate) use record::{Entry, Event, Parts};
pub(crate) use revision_set::{RevisionSet, Versioned, Weighed};
pub(crate) use settings::{Difference, Settings};
pub(crate) use shown::{ComponentView, CopiesView, RolloutView};

use crate::calls::Example;
use futures::future::BoxFuture;
use tessera_rollout::meter::Observed;
use tessera_rollout::shadow::Copies;

/// Makes a revision the candidate.
pub(crate) type Install = Box<dyn FnOnce() + Send>;

/// What a revision is made from.
pub(crate) struct Ingredients {
    pub(crate) code: NewCode,
    pub(crate) settings: Settings,
}

/// The code of a revision that is to be made.
pub(crate) enum NewCode {
    /// That of the stable revision.
    InService,
    /// A component.
    Bytes(Vec<u8>),
}

/// A revision that is to be stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Candidate,
    Previous,
}

/// One component, as rollouts change it.
pub(crate) trait Slot: Send + Sync {
    /// Compiles, configures and links a revision. It is the candidate once the result is called, and
    /// gets no calls yet.
    fn make(&self, ingredients: Ingredients) -> BoxFuture<'_, anyhow::Result<Install>>;

    /// Checks that a revision fits the stable revisions of its callers and of those that it calls.
    fn check(&self, which: Which) -> anyhow::Result<()>;

    /// The interfaces of a component.
    fn interfaces(&self, code: &[u8]) -> anyhow::Result<Interfaces>;

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

    /// The copies of calls for the candidate since it was weighed, and the latest mismatches; none if
    /// no calls are copied.
    fn copies(&self) -> Option<(Copies, Vec<Example>)>;
}
