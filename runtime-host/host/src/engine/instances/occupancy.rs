//! The instances of a component and what they use, as operators see them.

use super::context::Usage;
use super::guest_state::GuestState;
use super::revision::Revision;

/// The instances of a component.
pub(crate) trait Occupancy: Send + Sync {
    /// Those that wait for a call.
    fn idle(&self) -> usize;

    /// What all of them use.
    fn usage(&self) -> &Usage;
}

impl<G: GuestState> Occupancy for Revision<G> {
    fn idle(&self) -> usize {
        self.idle_instances()
    }

    fn usage(&self) -> &Usage {
        &self.component.usage
    }
}
