//! What the tests of functions have in common: a client for routers, a clock, stores that fail or
//! let others go first, an event log, an issuer of access tokens.
//!
//! Only for tests: components never contain it. A function enables the feature `testing` in its
//! `dev-dependencies`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod clock;
mod run;
mod script;

pub use crate::auth::testing::Issuer;
pub use crate::events::{Behavior, MemoryProducer};
pub use crate::flags::FixedFlags;
pub use crate::sealed::MemoryKeys;
pub use crate::store::MemoryStore;
pub use client::{Client, Reply};
pub use clock::ManualClock;
pub use run::{run, yield_once};
pub use script::{Operation, ScriptedStore};
