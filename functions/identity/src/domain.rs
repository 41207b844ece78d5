//! What identity knows without asking anybody: who is a well-formed person, what a grant
//! is worth and what a token says.
//!
//! Pure: time, randomness and settings come in as values, so that every rule about expiry,
//! rotation and reuse is tested without a clock. Hashes and signatures are functions of
//! their input and so belong here too.

pub mod client;
pub mod code;
pub mod email;

pub mod grants;
pub mod key;
pub mod name;
pub mod password;
pub mod refresh;
pub mod reset;
pub mod secret;
pub mod token;
pub mod user;
