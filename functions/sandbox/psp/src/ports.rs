//! What the provider needs from outside.

use std::future::Future;

use chassis::clock::Timer;
use chassis::http::Outbound;
use chassis::store::Store;

/// The types of all ports.
pub trait Ports: Clone + Send + Sync + 'static {
    /// The store of the books.
    type Store: Store;
    /// The clock.
    type Timer: Timer;
    /// The HTTP client for webhooks.
    type Outbound: Outbound;
    /// The executor of webhooks.
    type Background: Background;
}

impl<S: Store, T: Timer, O: Outbound, B: Background> Ports for (S, T, O, B) {
    type Store = S;
    type Timer = T;
    type Outbound = O;
    type Background = B;
}

/// Runs work after the response, because webhooks are not a part of it.
pub trait Background: Clone + Send + Sync + 'static {
    /// Starts the work.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static);
}
