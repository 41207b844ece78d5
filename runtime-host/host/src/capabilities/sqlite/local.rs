//! Databases in files and in memory.

use super::database::{Rows, Value};
use super::statement::{Whole, execute};
use super::streamed::{Passing, Streamed, Streams};
use super::turn::Turn;
use crate::capabilities::sql::Answer;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection as Sqlite, InterruptHandle};
use std::path::PathBuf;
use std::sync::Arc;
use tessera_resilience::Deadline;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// Why a statement did not begin: its caller is gone.
const ENDED: &str = "the call has ended";
const LATE: &str = "the deadline of the call has passed";

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Local {
    /// The file; without one, each connection has a database of its own in memory.
    pub(crate) path: Option<PathBuf>,
    /// Whether statements may attach other files.
    pub(crate) allow_attach_file: bool,
}

/// An open connection. Statements on it run one after the other.
#[derive(Clone)]
pub(super) struct Open {
    sqlite: Arc<Mutex<Sqlite>>,
    interrupt: Arc<InterruptHandle>,
}

impl Local {
    /// Opens a connection, on a thread that may block. The error is text for the guest.
    pub(super) async fn open(self: Arc<Self>) -> Result<Open, String> {
        let connected = spawn_blocking(move || self.connect()).await;
        let connected = connected.map_err(|error| error.to_string())?;
        let sqlite = connected.map_err(|error| error.to_string())?;
        let interrupt = Arc::new(sqlite.get_interrupt_handle());
        Ok(Open { sqlite: Arc::new(Mutex::new(sqlite)), interrupt })
    }

    /// Runs statements for the operator, on a connection of their own. Blocks.
    pub(crate) fn run(&self, statements: &str) -> Result<(), String> {
        let ran = self.connect().and_then(|sqlite| sqlite.execute_batch(statements));
        ran.map_err(|error| error.to_string())
    }

    fn connect(&self) -> rusqlite::Result<Sqlite> {
        let mut sqlite = match &self.path {
            Some(path) => Sqlite::open(path)?,
            None => Sqlite::open_in_memory()?,
        };
        if !self.allow_attach_file {
            sqlite.authorizer(Some(attach_no_file))?;
        }
        Ok(sqlite)
    }
}

/// Temporary databases and those in memory can be attached, files can't: a component reads the
/// databases that its manifest names.
fn attach_no_file(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { filename: "" | ":memory:" } => Authorization::Allow,
        AuthAction::Attach { .. } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

impl Open {
    /// Runs a statement to its end, or until the deadline or the future's end interrupts it.
    pub(super) async fn execute(
        &self,
        statement: String,
        parameters: Vec<Value>,
        deadline: Deadline,
    ) -> Result<Rows, String> {
        let (turn, _cancel) = Turn::new(self.interrupt.clone());
        let work = async {
            let sqlite = self.sqlite.clone().lock_owned().await;
            let work = spawn_blocking(move || {
                if !turn.begin() {
                    return Err(ENDED.to_owned());
                }
                let mut found = Whole::default();
                let result = execute(&sqlite, &statement, parameters, &mut found);
                turn.end();
                result.map(|()| found.rows)
            });
            work.await.map_err(|error| error.to_string())?
        };
        deadline.limit(work).await.unwrap_or_else(|_| Err(LATE.into()))
    }

    /// Runs a statement until its first row or its end, and then for as long as the guest reads its
    /// rows.
    pub(super) async fn query(
        &self,
        statement: String,
        parameters: Vec<Value>,
        deadline: Deadline,
        streams: &Streams,
    ) -> Result<Streamed, String> {
        let (turn, cancel) = Turn::new(self.interrupt.clone());
        let work = async {
            let (sqlite, permit) = (self.sqlite.clone().lock_owned().await, streams.permit().await);
            let (answer, answered) = Answer::channel();
            spawn_blocking(move || {
                let _permit = permit;
                if !turn.begin() {
                    return;
                }
                let mut passing = Passing::new(turn.clone(), answer);
                let result = execute(&sqlite, &statement, parameters, &mut passing);
                turn.end();
                // The next statement need not wait until the last rows are read.
                drop(sqlite);
                passing.end(result);
            });
            answered.await.map_err(|_| ENDED.to_owned())?
        };
        let reply = deadline.limit(work).await.unwrap_or_else(|_| Err(LATE.into()))?;
        Ok(Streamed { reply, cancel: Some(cancel) })
    }

    pub(super) async fn last_insert_rowid(&self) -> i64 {
        self.sqlite.lock().await.last_insert_rowid()
    }

    pub(super) async fn changes(&self) -> u64 {
        self.sqlite.lock().await.changes()
    }
}

#[cfg(test)]
mod tests;
