//! Counts what one instance holds open of one kind, so that a leaking guest reaches a limit instead of
//! using up the host's memory.

use std::sync::Arc;

/// How many handles of one kind an instance may hold open at once, as in stock Spin.
pub(super) const OPEN_HANDLES_MAX: usize = 256;

/// The handles of one kind that an instance holds open.
#[derive(Debug, Default)]
pub(super) struct OpenHandles(Arc<()>);

/// Counts one handle until it is dropped.
#[derive(Debug)]
pub(super) struct OpenHandle(#[expect(dead_code, reason = "held to be counted")] Arc<()>);

impl OpenHandles {
    /// Counts one more; `None` if the instance has reached the limit.
    pub(super) fn take(&self) -> Option<OpenHandle> {
        // One reference is that of the instance.
        let free = Arc::strong_count(&self.0) <= OPEN_HANDLES_MAX;
        free.then(|| OpenHandle(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_that_is_dropped_makes_room_for_another() {
        let open = OpenHandles::default();
        let mut held: Vec<_> = (0..OPEN_HANDLES_MAX).map(|_| open.take().unwrap()).collect();
        assert!(open.take().is_none());
        held.pop();
        assert!(open.take().is_some());
    }
}
