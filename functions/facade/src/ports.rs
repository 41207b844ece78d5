//! What the facade needs from outside.

use std::future::Future;

use chassis::clock::Timer;
use chassis::events::Producer;
use chassis::http::Outbound;
use chassis::store::{Store, StoreError};

use crate::domain::{Decision, Family};

/// Where modes come from.
pub trait Modes: Clone + Send + Sync + 'static {
    /// How a request of a family and a customer is answered.
    ///
    /// # Errors
    /// The mode can't be read.
    fn decide(
        &self,
        family: Family,
        customer: u64,
    ) -> impl Future<Output = Result<Decision, StoreError>> + Send;
}

/// All ports.
pub trait Ports: Clone + Send + Sync + 'static {
    /// The store of claims and findings.
    type Store: Store;
    /// The log of events.
    type Producer: Producer;
    /// The HTTP client.
    type Outbound: Outbound;
    /// The clock.
    type Clock: Timer;
    /// The modes of families.
    type Modes: Modes;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The log of events.
    fn producer(&self) -> &Self::Producer;

    /// The HTTP client.
    fn outbound(&self) -> &Self::Outbound;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// The modes.
    fn modes(&self) -> &Self::Modes;
}
