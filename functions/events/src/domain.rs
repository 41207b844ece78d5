//! The rules and values of the broker, pure.

pub mod progress;
pub mod segment;
pub mod settings;
