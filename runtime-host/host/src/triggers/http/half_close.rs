//! The end of a client's input, shared by the socket and the reader of a request body.
//!
//! After a complete request, the end of the input may only be a half-close, so hyper must not see
//! it yet. In the middle of a body, hyper has to see it, or it would wait for bytes that never
//! come. The socket can't distinguish the two cases, because hyper reads ahead of the reader of the
//! body. But that reader can: if no data is available although the input has ended, the rest of the
//! body is missing.

use futures::task::AtomicWaker;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Context;

/// The state of the input of an HTTP/1 connection.
#[derive(Debug, Default)]
pub(super) struct HalfClose {
    /// The client has closed its sending side.
    closed: AtomicBool,
    /// The current body is incomplete.
    cut_off: AtomicBool,
    body: AtomicWaker,
    socket: AtomicWaker,
}

impl HalfClose {
    /// Set that the client has closed its sending side, and wake the reader of a body.
    pub(super) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.body.wake();
    }

    /// Whether the client has closed its sending side. If not, the reader of a body is woken when
    /// it does.
    pub(super) fn is_closed(&self, body: &Context<'_>) -> bool {
        self.body.register(body.waker());
        self.closed.load(SeqCst)
    }

    /// Set that all received data of a body was read but its end is missing.
    pub(super) fn cut_off(&self) {
        self.cut_off.store(true, SeqCst);
        self.socket.wake();
    }

    /// Whether a body is incomplete. If not, the reader of the socket is woken when it is.
    pub(super) fn is_cut_off(&self, socket: &Context<'_>) -> bool {
        self.socket.register(socket.waker());
        self.cut_off.load(SeqCst)
    }

    /// Wake the reader of the socket.
    pub(super) fn wake(&self) {
        self.socket.wake();
    }
}
