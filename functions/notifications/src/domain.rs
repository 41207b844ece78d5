//! A notification from acceptance to its end. Pure: time comes in as milliseconds since 1970.
//!
//! ```text
//! accepted ─► pending ──► sending ──► sent
//!                ▲           ├──────► failed      (hard bounce, or attempts used up)
//!                └─ backoff ─┤
//!                            └──────► suppressed  (the reader switched the channel off, or has
//!                                                  deleted their account)
//!
//! failed ─► pending: an operator replays it
//! ```
//!
//! `sending` is a lease, not a fact: whoever holds it may have died. When it has run out,
//! the next attempt takes over with the same idempotency key, so a provider that did get
//! the first one sends nothing twice.
//!
//! What was accepted is what is sent: the template version and the variables are fixed at
//! acceptance. Whether it *may* be sent is asked at the time of sending, because a reader
//! who opts out means the mails that are still queued, too. Variables are forgotten once
//! nothing is left to send: a queue is no archive of personal data. What failed keeps them for
//! a while, because an operator may send it after all.

mod notification;
mod preferences;
mod request;
mod state;

pub use notification::{
    BACKOFF_FIRST_MS, BACKOFF_MAX_MS, LEASE_MS, Notification, RECEIPT_COUNT_MAX, RETRY_MS,
    SETBACK_COUNT_MAX,
};
pub use preferences::Preferences;
pub use request::{
    Channel, Fault, LANGUAGE_LENGTH_MAX, METADATA_COUNT_MAX, METADATA_LENGTH_MAX, Priority,
    REQUEST_ID_LENGTH_MAX, Request, VARIABLE_COUNT_MAX, VARIABLE_LENGTH_MAX,
};
pub use state::{Outcome, Pinned, Setback, State};

#[cfg(test)]
mod tests;
