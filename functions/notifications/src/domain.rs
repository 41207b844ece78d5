//! A notification from acceptance to its end, and the events that call for one. Pure: time comes
//! in as milliseconds since 1970.
//!
//! ```text
//! accepted ─► pending ──► sending ──► sent
//!                ▲           ├──────► failed      (hard bounce, or attempts exhausted)
//!                └─ backoff ─┤
//!                            └──────► suppressed  (the user disabled the channel, or has
//!                                                  deleted their account)
//!
//! failed ─► pending: an operator replays it
//! ```
//!
//! `sending` is a lease, because the process that holds it may have crashed. When it has expired,
//! the next attempt takes over with the same idempotency key, so a provider that did receive the
//! first one does not send the message twice.
//!
//! The template version and the variables are fixed at acceptance. Whether the message *may* be
//! sent is decided at the time of sending, because opting out includes messages that are still
//! queued. Variables are deleted when nothing is left to send: the queue is not an archive of
//! personal data. A failed notification keeps them for a while, because an operator may replay it.

mod announcement;
mod notification;
mod request;
mod state;
mod user;

pub use announcement::{ALWAYS_SENT, Meaning, meaning};
pub use notification::{
    BACKOFF_FIRST_MS, BACKOFF_MAX_MS, FAILURE_COUNT_MAX, LEASE_MS, Notification, RECEIPT_COUNT_MAX,
    RETRY_MS,
};
pub use request::{
    Channel, Fault, LANGUAGE_LENGTH_MAX, METADATA_COUNT_MAX, METADATA_LENGTH_MAX, Priority,
    REQUEST_ID_LENGTH_MAX, Request, VARIABLE_COUNT_MAX, VARIABLE_LENGTH_MAX,
};
pub use state::{Failure, Outcome, Pinned, State};
pub use user::{Preferences, User};

#[cfg(test)]
mod tests;
