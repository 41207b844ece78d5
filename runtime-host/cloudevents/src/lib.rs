//! CloudEvents 1.0: the event, its rules, and how it travels over HTTP.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>. Host and functions
//! both speak it; this crate knows neither sockets nor WebAssembly.

mod event;

pub use event::{DATA_BYTES_MAX, Event, Invalid};
