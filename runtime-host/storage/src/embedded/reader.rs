//! Connections that read, beside the writer and not behind it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::schema::{open_reader, sqlite_error};
use crate::{Error, ErrorKind, Result};

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

    /// Runs a query on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let acquired = Arc::clone(&self.places).acquire_owned().await;
        let place = acquired.map_err(|_| self.closed())?;
        let readers = Arc::clone(self);
        let done = spawn_blocking(move || {
            let answer = readers.query(query);
            drop(place);
            answer
        });
        done.await.map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("`{}`: {error}", self.path.display()))
        })?
    }

    /// Waits for running queries and closes the connections.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.connections_max).await;
        self.places.close();
        self.idle().clear();
        drop(all);
    }

    fn query<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let kept = self.idle().pop();
        let attempt = kept.map_or_else(|| open_reader(&self.path, self.busy_timeout), Ok);
        let connection = attempt.map_err(|error| sqlite_error(&self.path, &error))?;
        let answer = query(&connection).map_err(|error| sqlite_error(&self.path, &error));
        self.idle().push(connection);
        answer
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> Error {
        Error::new(ErrorKind::Unavailable, format!("`{}` is closed", self.path.display()))
    }
}
