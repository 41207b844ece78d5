//! The revisions of one component, and which calls each of them serves.

use super::cohort::Cohort;
use crate::calls::{Callee, Copies, CopyTo, OnTerms, Protocol, Terms, Version, Versions};
use arc_swap::ArcSwap;
use std::sync::Arc;
use tessera_rollout::cohort;
use tessera_rollout::meter::{Meter, Observed};
use tessera_rollout::shadow::Shadow;

/// The revisions of one component. They are changed at once for all ways to call it.
pub(crate) struct RevisionSet<R, C> {
    split: ArcSwap<Split<R, C>>,
}

/// A revision.
pub(crate) struct Versioned<R, C> {
    /// What serves calls.
    pub(crate) revision: Arc<R>,
    /// What applies before that, while it is the stable revision.
    pub(crate) terms: Arc<Terms>,
    /// What it was configured with.
    pub(crate) configured: Arc<C>,
}

struct Split<R, C> {
    stable: Versioned<R, C>,
    /// That which was stable before.
    previous: Option<Versioned<R, C>>,
    candidate: Option<Candidate<R, C>>,
}

struct Candidate<R, C> {
    revision: Versioned<R, C>,
    weighed: Weighed,
    /// The copies of calls that it gets.
    copies: Option<Arc<Copies>>,
    /// Of the stable revision and of this one.
    meters: [Arc<Meter>; 2],
}

/// Which calls a candidate gets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weighed {
    pub(crate) share_percent: u8,
    /// What calls have in common that go to the same revision.
    pub(crate) cohort: Cohort,
    /// Different for each rollout.
    pub(crate) salt: u64,
    /// Which calls are copied to it.
    pub(crate) shadow: Option<Shadow>,
}

impl<R, C> Clone for Versioned<R, C> {
    fn clone(&self) -> Self {
        let Self { revision, terms, configured } = self;
        Self { revision: revision.clone(), terms: terms.clone(), configured: configured.clone() }
    }
}

impl<R, C> Clone for Candidate<R, C> {
    fn clone(&self) -> Self {
        let Self { revision, weighed, copies, meters } = self;
        Self {
            revision: revision.clone(),
            weighed: weighed.clone(),
            copies: copies.clone(),
            meters: meters.clone(),
        }
    }
}

impl<R, C> RevisionSet<R, C> {
    pub(crate) fn new(stable: Versioned<R, C>) -> Self {
        Self { split: ArcSwap::from_pointee(Split { stable, previous: None, candidate: None }) }
    }

    /// The stable revision.
    pub(crate) fn stable(&self) -> Versioned<R, C> {
        self.split.load().stable.clone()
    }

    /// The candidate, if there is one.
    pub(crate) fn candidate(&self) -> Option<Versioned<R, C>> {
        self.split.load().candidate.as_ref().map(|candidate| candidate.revision.clone())
    }

    /// Adds a candidate, which gets no calls yet.
    pub(crate) fn offer(&self, revision: Versioned<R, C>) {
        let candidate = Candidate {
            revision,
            weighed: Weighed::default(),
            copies: None,
            meters: Default::default(),
        };
        self.change(|split| Split { candidate: Some(candidate.clone()), ..split });
    }

    /// Sets which calls the candidate gets, and which copies.
    pub(crate) fn weigh(&self, weighed: &Weighed, copies: Option<&Arc<Copies>>) {
        self.change(|split| {
            let candidate = split.candidate.map(|one| Candidate {
                weighed: weighed.clone(),
                copies: copies.cloned(),
                ..one
            });
            Split { candidate, ..split }
        });
    }

    /// That which was stable before, if it is still kept.
    pub(crate) fn previous(&self) -> Option<Versioned<R, C>> {
        self.split.load().previous.clone()
    }

    /// The candidate is the stable revision from now on.
    pub(crate) fn promote(&self) {
        self.change(|split| match split.candidate {
            None => split,
            Some(Candidate { revision, .. }) => {
                Split { stable: revision, previous: Some(split.stable), candidate: None }
            }
        });
    }

    /// Forgets the candidate.
    pub(crate) fn withdraw(&self) {
        self.change(|split| Split { candidate: None, ..split });
    }

    /// Exchanges the stable revision and the previous one. Returns whether there is one.
    pub(crate) fn take_back(&self) -> bool {
        let mut taken = false;
        self.change(|split| match split.previous {
            None => split,
            Some(previous) => {
                taken = true;
                Split { stable: previous, previous: Some(split.stable), candidate: None }
            }
        });
        taken
    }

    /// The copies of calls that the candidate gets.
    pub(crate) fn copies(&self) -> Option<Arc<Copies>> {
        self.split.load().candidate.as_ref()?.copies.clone()
    }

    /// What was measured of the stable revision and of the candidate since this was last asked.
    pub(crate) fn measured(&self) -> [Observed; 2] {
        let split = self.split.load();
        split.candidate.as_ref().map_or_else(Default::default, |candidate| {
            [candidate.meters[0].take(), candidate.meters[1].take()]
        })
    }

    fn change(&self, mut change: impl FnMut(Split<R, C>) -> Split<R, C>) {
        self.split.rcu(|split| {
            change(Split {
                stable: split.stable.clone(),
                previous: split.previous.clone(),
                candidate: split.candidate.clone(),
            })
        });
    }
}

impl<R: Send + Sync, C: Send + Sync> OnTerms for RevisionSet<R, C> {
    fn terms(&self) -> Arc<Terms> {
        self.split.load().stable.terms.clone()
    }

    fn has_copies(&self) -> bool {
        self.split.load().candidate.as_ref().is_some_and(|candidate| candidate.copies.is_some())
    }
}

impl<P, R, C> Versions<P> for RevisionSet<R, C>
where
    P: Protocol,
    R: Callee<P> + 'static,
    C: Send + Sync,
{
    fn choose(&self, trace_id: u128, request: &P::Request) -> Version<P> {
        let split = self.split.load();
        let Some(candidate) = &split.candidate else {
            return Version { callee: split.stable.revision.clone(), meter: None, copy: None };
        };
        let [stable_meter, candidate_meter] = &candidate.meters;
        let Weighed { share_percent, cohort, salt, shadow: _ } = &candidate.weighed;
        let trace = trace_id.to_le_bytes();
        let fields = |name: &str| P::fields(request, name);
        if cohort.names(fields) {
            // Not measured: who names a revision sends other requests than everyone else.
            let callee = candidate.revision.revision.clone();
            return Version { callee, meter: None, copy: None };
        }
        let key = cohort.key(fields).unwrap_or(&trace);
        if let Some(copies) = &candidate.copies {
            let is_copied = cohort::is_in(copies.share_percent(), key, *salt);
            let (candidate, copies) = (candidate.revision.revision.clone(), copies.clone());
            let copy = is_copied.then_some(CopyTo { candidate, copies });
            let callee = split.stable.revision.clone();
            return Version { callee, meter: Some(stable_meter.clone()), copy };
        }
        let is_chosen = cohort::is_in(*share_percent, key, *salt);
        let (callee, meter) = match is_chosen {
            true => (candidate.revision.revision.clone(), candidate_meter),
            false => (split.stable.revision.clone(), stable_meter),
        };
        Version { callee, meter: Some(meter.clone()), copy: None }
    }
}
