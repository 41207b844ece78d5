//! Calls that leave the process and come back in through the application's own address.
//!
//! A guest may ask `http://self/...`, or the address that the application listens on. Such a
//! request has callers like any other call, and they must not be forgotten on the way: a component
//! that calls itself would go on forever and wait for its own permits. So the request carries a
//! ticket in a header field, which no guest and no client ever gets to see, and which none of them
//! can make up.

use super::Callers;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const FIELD: HeaderName = HeaderName::from_static("tessera-loopback");

/// The callers of all requests that are on their way through the application's own address.
/// There are at most as many as there are calls. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Loopback(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Makes tickets from numbers, in a way that only this process knows.
    secret: RandomState,
    next: AtomicU64,
    on_their_way: Mutex<HashMap<u64, Callers>>,
}

/// A request that is on its way. To be kept until there is an answer.
pub(crate) struct OnItsWay {
    loopback: Loopback,
    ticket: u64,
}

impl Loopback {
    /// Mark a request as one with these callers.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, callers: Callers) -> OnItsWay {
        let ticket = self.0.secret.hash_one(self.0.next.fetch_add(1, Ordering::Relaxed));
        self.0.lock().insert(ticket, callers);
        headers.insert(FIELD, HeaderValue::from(ticket));
        OnItsWay { loopback: self.clone(), ticket }
    }

    /// The callers of a request that came in. Takes the mark away.
    pub(crate) fn callers(&self, headers: &mut HeaderMap) -> Callers {
        let Some(ticket) = headers.remove(FIELD) else { return Callers::default() };
        let ticket = ticket.to_str().ok().and_then(|ticket| ticket.parse().ok());
        ticket.and_then(|ticket: u64| self.0.lock().get(&ticket).cloned()).unwrap_or_default()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Callers>> {
        self.on_their_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.loopback.0.lock().remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_comes_back_has_the_callers_that_it_left_with() {
        let loopback = Loopback::default();
        let callers = Callers::default().and(&"a".into(), None).and(&"b".into(), None);
        let mut headers = HeaderMap::new();
        let on_its_way = loopback.mark(&mut headers, callers);
        let mut arrived = headers.clone();
        assert_eq!(loopback.callers(&mut arrived).path(), "a → b");
        assert!(arrived.is_empty(), "no guest sees the mark");
        drop(on_its_way);
        assert_eq!(loopback.callers(&mut headers).depth(), 0, "it counts while it is on its way");
    }

    #[test]
    fn a_mark_that_was_made_up_counts_for_nothing() {
        let loopback = Loopback::default();
        let _other =
            loopback.mark(&mut HeaderMap::new(), Callers::default().and(&"a".into(), None));
        for value in ["0", "1", "", "x"] {
            let mut headers = HeaderMap::new();
            headers.insert(FIELD, HeaderValue::from_static(value));
            assert_eq!(loopback.callers(&mut headers).depth(), 0);
            assert!(headers.is_empty());
        }
    }
}
