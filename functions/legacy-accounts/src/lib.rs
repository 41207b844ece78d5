//! The contract `shop:identity`, fulfilled with the accounts of the older shop.
//!
//! The functions that replace parts of the older shop ask `shop:identity` who a user is and which
//! tokens are valid. As long as accounts stay in the older shop, this component answers: it reads
//! accounts from there, and exchanges a session of the older shop for an access token (as in RFC
//! 8693). In the manifest it has the id `identity`, so neither those functions nor their bridges
//! know the difference. When accounts move, the real `identity` takes its place.

pub mod directory;
pub mod domain;
pub mod ports;
pub mod routes;
pub mod service;

#[cfg(target_family = "wasm")]
mod component;
