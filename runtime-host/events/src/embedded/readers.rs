//! Connections that read, beside the writer and not behind it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    database::closed,
    schema::{open_reader, sqlite_error},
};
use crate::{Error, Result};

/// Up to so many connections, opened when first needed and kept.
pub(super) struct Readers {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
    connections_max: u32,
}

impl Readers {
    pub(super) fn new(path: PathBuf, connections_max: usize, busy_timeout: Duration) -> Self {
        let connections_max = u32::try_from(connections_max.max(1)).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(connections_max as usize));
        Self { path, busy_timeout, idle: Mutex::default(), places, connections_max }
    }

    /// Runs a query on a thread that may block, on one state of the file from start to end.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        let done = spawn_blocking(move || {
            let answer = readers.read_now(query);
            drop(place);
            answer.map_err(|error| sqlite_error(&readers.path, &error))
        });
        done.await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    fn read_now<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let free = self.idle().pop();
        let connection = free.map_or_else(|| open_reader(&self.path, self.busy_timeout), Ok)?;
        let snapshot = connection.unchecked_transaction()?;
        let answer = query(&snapshot);
        drop(snapshot);
        self.idle().push(connection);
        answer
    }

    /// Waits for running queries and closes the connections.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.connections_max).await;
        self.places.close();
        self.idle().clear();
        drop(all);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
