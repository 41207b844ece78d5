//! Databases in files and in memory.

use super::database::{Rows, Value};
use super::statement::execute;
use parking_lot::Mutex;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection as Sqlite, InterruptHandle};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use tessera_resilience::Deadline;

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
        let opened = tokio::task::spawn_blocking(move || self.open_blocking()).await;
        opened.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// Runs statements for the operator, on a connection of their own. Blocks.
    pub(crate) fn run(&self, statements: &str) -> Result<(), String> {
        let open = self.open_blocking().map_err(|error| error.to_string())?;
        let ran = open.sqlite.lock().execute_batch(statements);
        ran.map_err(|error| error.to_string())
    }

    fn open_blocking(&self) -> rusqlite::Result<Open> {
        let mut sqlite = match &self.path {
            Some(path) => Sqlite::open(path)?,
            None => Sqlite::open_in_memory()?,
        };
        if !self.allow_attach_file {
            sqlite.authorizer(Some(attach_no_file))?;
        }
        let interrupt = Arc::new(sqlite.get_interrupt_handle());
        Ok(Open { sqlite: Arc::new(Mutex::new(sqlite)), interrupt })
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
        let sqlite = self.sqlite.clone();
        let progress = Arc::new(AtomicU8::new(WAITING));
        let _cancel =
            CancelOnDrop { progress: progress.clone(), interrupt: self.interrupt.clone() };
        let work = tokio::task::spawn_blocking(move || {
            let sqlite = sqlite.lock();
            let moves = |from, to| progress.compare_exchange(from, to, AcqRel, Acquire).is_ok();
            if !moves(WAITING, RUNNING) {
                return Err("the call has ended".to_owned());
            }
            let result = execute(&sqlite, &statement, parameters);
            moves(RUNNING, ENDED);
            result
        });
        match deadline.limit(work).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the deadline of the call has passed".into()),
        }
    }

    pub(super) async fn last_insert_rowid(&self) -> wasmtime::Result<i64> {
        self.ask(|sqlite| sqlite.last_insert_rowid()).await
    }

    pub(super) async fn changes(&self) -> wasmtime::Result<u64> {
        self.ask(Sqlite::changes).await
    }

    async fn ask<T: Send + 'static>(&self, ask: fn(&Sqlite) -> T) -> wasmtime::Result<T> {
        let sqlite = self.sqlite.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&sqlite.lock()));
        asked.await.map_err(wasmtime::Error::new)
    }
}

/// The progress of a statement: it waits for the connection, runs, has ended, or is canceled.
const WAITING: u8 = 0;
const RUNNING: u8 = 1;
const ENDED: u8 = 2;
const CANCELED: u8 = 3;

/// A statement whose call has ended does not start, or is interrupted. Other statements of the
/// connection are not.
struct CancelOnDrop {
    progress: Arc<AtomicU8>,
    interrupt: Arc<InterruptHandle>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.progress.swap(CANCELED, AcqRel) == RUNNING {
            self.interrupt.interrupt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::ROWS_MAX_BYTES;
    use super::*;
    use rusqlite::hooks::Action;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    async fn open(allow_attach_file: bool) -> Open {
        Arc::new(Local { path: None, allow_attach_file }).open().await.unwrap()
    }

    async fn run(open: &Open, sql: &str, parameters: Vec<Value>) -> Result<Rows, String> {
        open.execute(sql.into(), parameters, Deadline::after(Duration::from_secs(60))).await
    }

    #[tokio::test]
    async fn values_of_every_type_come_back() {
        let open = open(false).await;
        run(&open, "create table t (a, b, c, d, e)", vec![]).await.unwrap();
        let row = vec![
            Value::Integer(i64::MIN),
            Value::Real(0.5),
            Value::Text("ü".into()),
            Value::Blob(vec![0, 255]),
            Value::Null,
        ];
        run(&open, "insert into t values (?, ?, ?, ?, ?)", row.clone()).await.unwrap();
        let rows = run(&open, "select * from t", vec![]).await.unwrap();
        assert_eq!(rows.columns, ["a", "b", "c", "d", "e"]);
        assert_eq!(rows.rows, [row]);
        assert_eq!(
            (open.last_insert_rowid().await.unwrap(), open.changes().await.unwrap()),
            (1, 1)
        );
    }

    #[tokio::test]
    async fn errors_are_those_of_sqlite() {
        let open = open(false).await;
        let error = run(&open, "select * from absent", vec![]).await.unwrap_err();
        assert!(error.contains("no such table: absent"), "{error}");
    }

    #[tokio::test]
    async fn files_can_be_attached_only_where_the_configuration_allows_it() {
        let folder = tempfile::tempdir().unwrap();
        let attach = format!("attach '{}' as other", folder.path().join("x.db").display());
        let error = run(&open(false).await, &attach, vec![]).await.unwrap_err();
        assert!(error.contains("not authorized"), "{error}");
        run(&open(false).await, "attach ':memory:' as other", vec![]).await.unwrap();
        run(&open(true).await, &attach, vec![]).await.unwrap();
    }

    #[tokio::test]
    async fn a_statement_without_an_end_is_interrupted_at_the_deadline() {
        let open = open(false).await;
        let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                       select count(*) from n";
        let deadline = Deadline::after(Duration::from_millis(50));
        let error = open.execute(endless.into(), vec![], deadline).await.unwrap_err();
        assert!(error.contains("deadline"), "{error}");
        // The connection is free again.
        assert_eq!(run(&open, "select 1", vec![]).await.unwrap().rows, [[Value::Integer(1)]]);
    }

    /// A connection to a table, in which each change is reported and waits until the test allows it.
    async fn watched() -> (Open, Receiver<()>, Sender<()>) {
        let open = open(false).await;
        run(&open, "create table t (a)", vec![]).await.unwrap();
        let ((changing, changes), (allow, allowed)) = (channel(), channel());
        let hook = move |_: Action, _: &str, _: &str, _: i64| {
            changing.send(()).unwrap();
            allowed.recv().unwrap();
        };
        open.sqlite.lock().update_hook(Some(hook)).unwrap();
        (open, changes, allow)
    }

    const TWO_CHANGES: &str = "insert into t values (1), (2)";

    #[tokio::test]
    async fn a_statement_that_waits_and_is_canceled_does_not_interrupt_the_one_that_runs() {
        let (open, changes, allow) = watched().await;
        let mut running = Box::pin(run(&open, TWO_CHANGES, vec![]));
        assert!(futures::poll!(&mut running).is_pending());
        let changes = blocking(move || changes.recv().map(|()| changes)).await.unwrap();
        let mut waiting = Box::pin(run(&open, "select 1", vec![]));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(waiting);
        (0..2).for_each(|_| allow.send(()).unwrap());
        running.await.unwrap();
        drop(changes);
    }

    #[tokio::test]
    async fn a_statement_that_has_ended_does_not_interrupt_the_next_one() {
        let (open, changes, allow) = watched().await;
        let mut ended = Box::pin(run(&open, "select 1", vec![]));
        assert!(futures::poll!(&mut ended).is_pending());
        let mut running = Box::pin(run(&open, TWO_CHANGES, vec![]));
        assert!(futures::poll!(&mut running).is_pending());
        let changes = blocking(move || changes.recv().map(|()| changes)).await.unwrap();
        // Nobody has asked for its result.
        drop(ended);
        (0..2).for_each(|_| allow.send(()).unwrap());
        running.await.unwrap();
        drop(changes);
    }

    #[tokio::test]
    async fn a_statement_that_runs_is_interrupted_when_its_call_ends() {
        let (open, changes, allow) = watched().await;
        let mut running = Box::pin(run(&open, TWO_CHANGES, vec![]));
        assert!(futures::poll!(&mut running).is_pending());
        let changes = blocking(move || changes.recv().map(|()| changes)).await.unwrap();
        drop(running);
        (0..2).for_each(|_| allow.send(()).unwrap());
        let rows = run(&open, "select count(*) from t", vec![]).await.unwrap();
        assert_eq!(rows.rows, [[Value::Integer(0)]]);
        drop(changes);
    }

    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    #[tokio::test]
    async fn rows_have_a_maximum_size() {
        let open = open(false).await;
        let sql = format!("select zeroblob({})", ROWS_MAX_BYTES);
        let error = run(&open, &sql, vec![]).await.unwrap_err();
        assert!(error.contains("exceeds limit"), "{error}");
    }
}
