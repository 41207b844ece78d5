//! The rules of identity: accounts, grants and tokens.
//!
//! Pure: time, randomness and settings are arguments, so that each rule about expiry, rotation and
//! reuse is tested without a clock.

pub mod client;
pub mod code;
pub mod email;
pub mod grants;
pub mod key;
pub mod password;
pub mod refresh;
pub mod reset;
pub mod secret;
pub mod token;
pub mod user;
