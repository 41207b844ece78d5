//! Connections that read, beside the writer and not behind it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use super::{
    health::Known,
    schema::{open_reader, sqlite_error},
};
use crate::{Error, ErrorKind, Result};

/// Up to so many connections, opened when first needed and kept.
pub(super) struct Readers {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
    connections_max: u32,
    known: Arc<Known>,
}

impl Readers {
    pub(super) fn new(
        path: PathBuf,
        connections_max: usize,
        busy_timeout: Duration,
        known: Arc<Known>,
    ) -> Self {
        let connections_max = u32::try_from(connections_max.max(1)).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(connections_max as usize));
        Self { path, busy_timeout, idle: Mutex::default(), places, connections_max, known }
    }

    /// Runs a query for one key, at once where a connection is free.
    ///
    /// Such a query takes a microsecond or two as long as the page is in memory, waits for no
    /// writer, and would take twenty times as long if it were handed to another thread. The price
    /// is that a page that has to come from the disk holds up the calling thread meanwhile.
    pub(super) async fn read_key<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place().await?;
        let free = self.idle().pop();
        match free {
            Some(connection) => self.query(connection, query),
            None => self.on_thread(place, query).await,
        }
    }

    /// Runs a query of any length on a thread that may block.
    pub(super) async fn read_many<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.place().await?;
        self.on_thread(place, query).await
    }

    async fn on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let readers = Arc::clone(self);
        let done = spawn_blocking(move || {
            let connection = readers.connection()?;
            let answer = readers.query(connection, query);
            drop(place);
            answer
        });
        done.await.map_err(|error| {
            Error::new(ErrorKind::Unavailable, format!("`{}`: {error}", self.path.display()))
        })?
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        let acquired = Arc::clone(&self.places).acquire_owned().await;
        acquired.map_err(|_| {
            Error::new(ErrorKind::Unavailable, format!("`{}` is closed", self.path.display()))
        })
    }

    /// Waits for running queries and closes the connections.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.connections_max).await;
        self.places.close();
        self.idle().clear();
        drop(all);
    }

    /// A connection that is free, or else a new one.
    fn connection(&self) -> Result<Connection> {
        let free = self.idle().pop();
        let opened = free.map_or_else(|| open_reader(&self.path, self.busy_timeout), Ok);
        opened.map_err(|error| self.failed(&error))
    }

    fn query<T>(
        &self,
        connection: Connection,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let answer = query(&connection).map_err(|error| self.failed(&error));
        self.idle().push(connection);
        answer
    }

    fn failed(&self, error: &rusqlite::Error) -> Error {
        let error = sqlite_error(&self.path, error);
        self.known.note(&error);
        error
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
