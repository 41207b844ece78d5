//! The end of a client's input, between the socket and the reader of a request's body.
//!
//! After a request that has arrived in full, the end of the input may be that of half a
//! connection, so the library must not see it yet. In the middle of a body the library has to see
//! it, or it would wait for bytes that never come. The socket does not know which of them it is,
//! because the library reads ahead of the reader of the body. But that reader knows: if nothing of
//! the body is there although the input has ended, then the rest of it is missing.

use futures::task::AtomicWaker;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Context;

/// What a connection of HTTP/1 knows of the end of its input.
#[derive(Debug, Default)]
pub(super) struct HalfClose {
    /// The client sends no more.
    closed: AtomicBool,
    /// The body that is read now lacks its end.
    cut_off: AtomicBool,
    body: AtomicWaker,
    socket: AtomicWaker,
}

impl HalfClose {
    /// The client sends no more. The reader of a body that waits for more looks again.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.body.wake();
    }

    /// Whether the client sends no more. If not, the reader of a body is woken when it is so.
    pub(super) fn is_closed(&self, body: &Context<'_>) -> bool {
        self.body.register(body.waker());
        self.closed.load(SeqCst)
    }

    /// All that has come of a body was read, and its end is not there.
    pub(super) fn cut_off(&self) {
        self.cut_off.store(true, SeqCst);
        self.socket.wake();
    }

    /// Whether a body lacks its end. If not, the reader of the socket is woken when it is so.
    pub(super) fn is_cut_off(&self, socket: &Context<'_>) -> bool {
        self.socket.register(socket.waker());
        self.cut_off.load(SeqCst)
    }

    /// The reader of the socket has to look again.
    pub(super) fn wake(&self) {
        self.socket.wake();
    }
}
