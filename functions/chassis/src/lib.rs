//! The microservice chassis: what every function of the shop needs and none should write again.
//! Problems, forms, storage with compare-and-swap, lists of unfinished work, tokens, idempotency
//! keys, pages, events with their outbox and inbox, the `/rpc` dispatch, and (with the feature
//! `testing`) what their tests have in common.
//!
//! Everything compiles natively, so that the functions are tested without WebAssembly; the
//! few adapters that talk to the host exist on `wasm` targets only (`store::SpinStore`,
//! `config`, `send` in [`http`]). What is kept in guest memory
//! between calls spares work and decides nothing: the keys of tokens ([`auth::KeyMemo`]),
//! signatures that were right ([`auth::ProofMemo`]), settings of this second, the handle of
//! the store, the router. An instance may serve one request or many.

pub mod app;
pub mod auth;
pub mod card;
pub mod clock;
#[cfg(target_family = "wasm")]
pub mod config;
pub mod events;
pub mod expiry;
pub mod flags;
pub mod form;
pub mod hash;
pub mod html;
pub mod http;
pub mod id;
pub mod idempotency;
pub mod inbox;
pub mod incarnation;
pub mod money;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod outbox;
pub mod page;
pub mod parts;
pub mod problem;
pub mod quota;
mod recent;
pub mod register;
pub mod rpc;
pub mod sealed;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod worklist;

pub use clock::{Clock, SystemClock};
pub use problem::{Problem, ProblemType, Result};
