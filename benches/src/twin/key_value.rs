//! Reads the key that the path names and writes it anew, in SQLite.
//!
//! Durable as our own store is: write-ahead log with `synchronous = FULL`, so that a set is
//! answered after its fsync. One connection behind a lock and one commit per set, as one would
//! write it first; the blocking work is kept off the threads that serve.

use anyhow::Result;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::StatusCode;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::sync::{Arc, Mutex, PoisonError};

const VALUE_BYTES: usize = 1024;

type Database = Arc<Mutex<Connection>>;

pub(crate) fn router(file: &std::path::Path) -> Result<Router> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
    )?;
    let database: Database = Arc::new(Mutex::new(connection));
    Ok(Router::new().route("/{key}", get(handle)).with_state(database))
}

async fn handle(State(database): State<Database>, Path(key): Path<String>) -> StatusCode {
    let renewed = tokio::task::spawn_blocking(move || renew(&database, &key)).await;
    match renewed {
        Ok(Ok(())) => StatusCode::OK,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn renew(database: &Mutex<Connection>, key: &str) -> rusqlite::Result<()> {
    let database = database.lock().unwrap_or_else(PoisonError::into_inner);
    let mut read = database.prepare_cached("SELECT value FROM entries WHERE key = ?")?;
    let old: Option<Vec<u8>> = read.query_row([key], |row| row.get(0)).optional()?;
    let count = old.and_then(|value| value.first().copied()).unwrap_or(0);
    let new = vec![count.wrapping_add(1); VALUE_BYTES];
    let mut write = database.prepare_cached("REPLACE INTO entries (key, value) VALUES (?, ?)")?;
    write.execute(params![key, new]).map(drop)
}
