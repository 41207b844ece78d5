//! The body of a response that has none on the network, because of its method or status.

use super::collected_body::{BodyEnd, COLLECT_GRACE, collect};
use super::streamed_body;
use crate::engine::scheduling::within;
use crate::message::{Body, Pieces};

/// A body that is not sent. It is read for a short time, so that a normal guest can finish.
pub(super) struct UnsentBody {
    /// Its length, if it was read to its end.
    pub(super) whole_bytes: Option<usize>,
    ended: bool,
}

impl UnsentBody {
    pub(super) async fn read(mut body: Body) -> Self {
        let mut collected = Pieces::default();
        let end = within(COLLECT_GRACE, collect(&mut body, None, &mut collected)).await;
        let whole = matches!(end, Some(Ok(BodyEnd::Reached)));
        // An error means that it is shorter than the length in the head, which is expected.
        let ended = whole || matches!(end, Some(Err(_)));
        Self { whole_bytes: whole.then(|| collected.len()), ended }
    }

    /// A guest that continues to write is stopped.
    pub(super) fn check(self) -> wasmtime::Result<()> {
        if self.ended { Ok(()) } else { Err(streamed_body::reader_gone()) }
    }
}
