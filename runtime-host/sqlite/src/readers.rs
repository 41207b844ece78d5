//! Connections that read, independently of the writer.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::{Error, ErrorKind, Options, Result, health::Health, open::open_reader};

/// A limited number of connections, opened when they are first needed and then kept.
pub(crate) struct Readers {
    path: PathBuf,
    options: Options,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    connections_max: u32,
    health: Arc<Health>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, options: Options, health: Arc<Health>) -> Self {
        let connections_max = u32::try_from(options.readers_max.max(1)).unwrap_or(u32::MAX);
        let permits = Arc::new(Semaphore::new(connections_max as usize));
        Self { path, options, idle: Mutex::default(), permits, connections_max, health }
    }

    /// Runs a short query, on the calling thread if a connection is idle.
    ///
    /// A query for one key takes one or two microseconds if the page is in memory, does not wait
    /// for the writer, and would take twenty times as long on another thread. The cost is that a
    /// page that has to be read from the disk blocks the calling thread.
    pub(crate) async fn read_inline<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let idle = self.idle.lock().pop();
        match idle {
            Some(connection) => self.query(connection, query),
            None => self.read_on_thread(permit, query).await,
        }
    }

    /// Runs a query of any length on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        self.read_on_thread(permit, query).await
    }

    async fn read_on_thread<T: Send + 'static>(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let readers = Arc::clone(self);
        let done = spawn_blocking(move || {
            let connection = readers.connection()?;
            let answer = readers.query(connection, query);
            drop(permit);
            answer
        });
        done.await.map_err(|error| {
            let message = format!("`{}`: {error}", self.path.display());
            Error::new(ErrorKind::Unavailable, message)
        })?
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let acquired = Arc::clone(&self.permits).acquire_owned().await;
        acquired.map_err(|_| Error::closed(&self.path))
    }

    /// Waits for running queries and closes the connections.
    pub(crate) async fn close(&self) {
        let all = self.permits.acquire_many(self.connections_max).await;
        self.permits.close();
        self.idle.lock().clear();
        drop(all);
    }

    /// An idle connection, or else a new one.
    fn connection(&self) -> Result<Connection> {
        let idle = self.idle.lock().pop();
        let opened = idle.map_or_else(|| open_reader(&self.path, &self.options), Ok);
        opened.map_err(|error| self.failure(&error))
    }

    fn query<T>(
        &self,
        connection: Connection,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let answer = query(&connection).map_err(|error| self.failure(&error));
        self.idle.lock().push(connection);
        answer
    }

    fn failure(&self, error: &rusqlite::Error) -> Error {
        let error = Error::sqlite(&self.path, error);
        self.health.note(&error);
        error
    }
}
