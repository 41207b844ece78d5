//! CloudEvents 1.0: the event, its rules, and how it travels over HTTP.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>. Host and functions
//! both speak it; this crate knows neither sockets nor WebAssembly.
//!
//! The data of an event is text here: everything that the functions exchange is JSON, and a
//! text passes unchanged through contracts, stores and HTTP. An event whose data is not UTF-8
//! is refused at the door.

mod event;
pub mod http;
pub mod json;
mod rules;

pub use event::{
    ATTRIBUTE_BYTES_MAX, DATA_BYTES_MAX, EXTENSION_NAME_BYTES_MAX, EXTENSIONS_MAX, Event, Invalid,
};
