//! The sizes of what waits to be sent, so that requests have a limit.

use super::queues::{Encoded, GuestMetrics, SpanItem};
use super::spans::Details;

/// About the size of a span of the host without its details.
const ENDED_SPAN_BYTES: usize = 512;

/// Something that waits to be sent.
pub(crate) trait Item {
    /// About its size in a request.
    fn size_bytes(&self) -> usize;
}

impl Item for Encoded {
    fn size_bytes(&self) -> usize {
        self.scope.as_bytes().len() + self.message.as_bytes().len()
    }
}

impl Item for SpanItem {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Ended(_, details) => {
                ENDED_SPAN_BYTES + details.as_deref().map_or(0, Details::size_bytes)
            }
            Self::Guest(span) => span.size_bytes(),
        }
    }
}

impl Item for GuestMetrics {
    fn size_bytes(&self) -> usize {
        let resource = self.resource.iter().map(|(key, value)| key.len() + value.len());
        resource.sum::<usize>() + self.scopes.as_bytes().len()
    }
}
