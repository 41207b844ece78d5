//! Durable events: a log, its subscriptions, and delivery at least once, in order for each key.
//!
//! A producer that calls its consumers one by one loses some of them when it dies in the middle,
//! and waits for the slowest. Here it publishes once; the answer comes when the events are on the
//! disk, and from then on they are the concern of the log until every subscription is done with
//! them or has given them up as dead letters.
//!
//! - The rules, free of I/O: [`Pattern`] (who gets what), [`Outcome`] and [`Verdict`] (what an
//!   answer means), [`Backoff`] (when to try again), [`assignment`] (which member of a group).
//! - The port [`Log`], and its engine `embedded` (feature of that name): one SQLite file.
//! - `delivery` (feature of that name): the runner between a log and whoever can deliver.
//!
//! The crate knows neither WebAssembly nor HTTP connections: [`Deliver`] is where the host comes
//! in. Without features it is pure enough to be compiled into a guest.

pub mod assignment;
mod backoff;
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
