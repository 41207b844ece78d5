//! Calls that leave the process and come back through the application's own address.
//!
//! A guest may request `http://self/...`, or the address that the application listens on. The call
//! chain of such a request must not be lost, because a component that calls itself would recurse
//! endlessly and wait for its own permits. So the request carries a ticket in a header field, which
//! guests and clients can neither see nor forge.

use super::CallChain;
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FIELD: HeaderName = HeaderName::from_static("tessera-loopback");

/// The call chains of all pending requests to the application's own address. There are at most as
/// many as there are calls. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Loopback(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// A secret of this process, which makes tickets from numbers.
    secret: RandomState,
    next: AtomicU64,
    pending: Mutex<HashMap<u64, CallChain>>,
}

/// A pending request. Keep it until there is a response.
pub(crate) struct PendingRequest {
    loopback: Loopback,
    ticket: u64,
}

impl Loopback {
    /// Adds a ticket for this call chain to a request.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, chain: CallChain) -> PendingRequest {
        let ticket = self.0.secret.hash_one(self.0.next.fetch_add(1, Ordering::Relaxed));
        self.0.pending.lock().insert(ticket, chain);
        headers.insert(FIELD, HeaderValue::from(ticket));
        PendingRequest { loopback: self.clone(), ticket }
    }

    /// The call chain of an incoming request. Removes the ticket.
    pub(crate) fn chain(&self, headers: &mut HeaderMap) -> CallChain {
        let Some(ticket) = headers.remove(FIELD) else { return CallChain::default() };
        let ticket = ticket.to_str().ok().and_then(|ticket| ticket.parse().ok());
        ticket
            .and_then(|ticket: u64| self.0.pending.lock().get(&ticket).cloned())
            .unwrap_or_default()
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.loopback.0.pending.lock().remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returning_request_keeps_its_call_chain() {
        let loopback = Loopback::default();
        let chain = CallChain::default().and(&"a".into(), None).and(&"b".into(), None);
        let mut headers = HeaderMap::new();
        let pending = loopback.mark(&mut headers, chain);
        let mut arrived = headers.clone();
        assert_eq!(loopback.chain(&mut arrived).path(), "a → b");
        assert!(arrived.is_empty(), "no guest sees the ticket");
        drop(pending);
        assert_eq!(
            loopback.chain(&mut headers).depth(),
            0,
            "the ticket is only valid while the request is pending"
        );
    }

    #[test]
    fn a_forged_ticket_is_ignored() {
        let loopback = Loopback::default();
        let _other =
            loopback.mark(&mut HeaderMap::new(), CallChain::default().and(&"a".into(), None));
        for value in ["0", "1", "", "x"] {
            let mut headers = HeaderMap::new();
            headers.insert(FIELD, HeaderValue::from_static(value));
            assert_eq!(loopback.chain(&mut headers).depth(), 0);
            assert!(headers.is_empty());
        }
    }
}
