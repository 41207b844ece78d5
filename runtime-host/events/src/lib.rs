//! Durable events: a log, its subscriptions, and delivery at least once, in order for each key.
//!
//! A producer that calls its consumers one by one skips some of them if it crashes in between, and
//! waits for the slowest. With a log, it publishes once and is answered when the events are on the
//! disk. From then on, the log delivers them until every subscription has processed them or has
//! rejected them as dead letters.
//!
//! - The rules, without I/O: [`Pattern`] (which events a subscription gets), [`Outcome`] and
//!   [`Verdict`] (what a response means), [`Backoff`] (when to retry), [`assignment`] (which member
//!   of a group).
//! - The port [`Log`], and its engine `embedded` (a feature): one SQLite file.
//! - `delivery` (a feature): the service between a log and the host that delivers.
//!
//! The crate knows neither WebAssembly nor HTTP connections: the host implements [`Deliver`].
//! Without features, the crate has no I/O and can be compiled into a guest.

pub mod assignment;
mod backoff;
#[cfg(feature = "contract-tests")]
pub mod contract;
#[cfg(feature = "delivery")]
pub mod delivery;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod log;
mod options;
mod outcome;
mod pattern;
mod subscription;
mod verdict;

pub use backoff::Backoff;
#[cfg(feature = "delivery")]
pub use delivery::{Deliver, Delivery};
pub use error::{Error, Result};
pub use log::{DeadLetter, Entry, Log, Progress, Published, Reason, Statistics};
pub use options::{Clock, Options, RandomSource};
pub use outcome::Outcome;
pub use pattern::Pattern;
pub use subscription::{Member, Mode, StartAt, Subscription};
pub use tessera_cloudevents::Event;
pub use verdict::{Attempt, Verdict};
