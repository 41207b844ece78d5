//! Sockets that count among the connections of all components, as in stock Spin: one of TCP from the
//! time when it connects, and one of UDP from its creation, until it is dropped.
//!
//! A socket that may not be opened is refused at once, where drivers wait: the component may hold the
//! very sockets that it would wait for.

use super::october_udp::Datagrams;
use crate::capabilities::State;
use crate::capabilities::connection_limits::Counted;
use std::collections::HashMap;

/// What is kept for the open sockets of an instance, by their handles. At most one for each socket.
#[derive(Default)]
pub(in crate::capabilities) struct OpenSockets {
    counted: HashMap<u32, Counted>,
    /// Whether a refusal was logged since a socket was closed.
    has_warned: bool,
    /// Those of UDP in October 2023.
    pub(super) datagrams: HashMap<u32, Datagrams>,
}

impl State {
    /// Counts one more socket among those of all components; `None` if there may be no more.
    pub(super) fn count_socket(&mut self) -> Option<Counted> {
        let counted = self.guest.grants.outbound.connections().sockets.try_count();
        if counted.is_none() && self.warns_of_sockets() {
            tracing::warn!(
                component = %self.component.id,
                "it may not open another socket: `max_socket_connections` or \
                 `max_total_connections` of the runtime configuration are open"
            );
        }
        counted
    }

    /// The socket is open, and counts until it is dropped.
    pub(super) fn socket_opened(&mut self, handle: u32, counted: Counted) {
        self.guest.open_sockets.counted.insert(handle, counted);
    }

    /// The socket was dropped.
    pub(super) fn socket_closed(&mut self, handle: u32) {
        self.guest.open_sockets.has_warned = false;
        self.guest.open_sockets.counted.remove(&handle);
    }

    /// Whether a refusal is logged: a component that goes on trying must not fill the log.
    pub(super) fn warns_of_sockets(&mut self) -> bool {
        !std::mem::replace(&mut self.guest.open_sockets.has_warned, true)
    }
}
