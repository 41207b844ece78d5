//! What the importer needs of the world, beside the chassis' store and HTTP client.

use std::future::Future;

/// Waiting, as a port: tests don't.
pub trait Pause: Clone + Send + Sync + 'static {
    /// Come back after that many milliseconds.
    fn pause(&self, ms: u64) -> impl Future<Output = ()> + Send;
}
