//! Durable SQLite databases with one writer thread each: what the stores and the event log share.
//!
//! A write is worth as much as its fsync, and an fsync costs as much as a thousand writes. So each
//! database has one writer thread. It takes all operations that were queued while the last fsync
//! was running, applies them in one transaction, and answers them after the commit: under load,
//! many operations share an fsync, and a single one does not wait for others. Readers have their
//! own connections and, in WAL mode, do not wait for the writer.
//!
//! | module | is |
//! |---|---|
//! | [`Lock`], [`canonical`] | paths, and the locks that keep a second process out |
//! | [`open()`], [`Format`] | a file with its pragmas, format, migrations and integrity check |
//! | [`Database`] | the queue, the writer thread and the readers of an open file |
//! | [`Engine`], [`Operation`] | what an engine implements: its transactions and its writes |
//! | [`Error`] | failures, with the file and advice for the operator |
//!
//! An engine adds its tables and operations. It is a type parameter of [`Database`], so its code is
//! called statically; each queued operation is boxed once.
//!
//! # Other programs
//!
//! The files may be read with `sqlite3` at any time. They must not be written to while the host
//! runs: engines keep figures and values in memory. The writer notices such a change with its next
//! transaction, logs a warning, and calls [`Engine::file_changed`].

mod counters;
mod database;
mod engine;
mod error;
mod health;
mod integrity;
mod job;
mod lock;
mod open;
mod options;
mod paths;
mod readers;
mod transactions;
mod wal_space;
mod writer;

pub use counters::Statistics;
pub use database::Database;
pub use engine::{Engine, Operation};
pub use error::{Error, ErrorKind, Result};
pub use lock::Lock;
pub use open::{Format, Opened, open};
pub use options::Options;
pub use paths::canonical;
pub use transactions::Transactions;
