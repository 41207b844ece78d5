//! Results that a guest reads row by row, while the statement runs.

use super::database::{Rows as WholeRows, Value};
use super::statement::Sink;
use super::turn::{CancelOnDrop, Turn};
use crate::capabilities::bindings::spin::sqlite::sqlite::RowResult;
use crate::capabilities::sql::{Answer, Reply, Results, Rows, row_bytes};
use futures::executor::block_on;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many statements of a component may pass on rows at the same time: each of them needs a thread,
/// also while its guest does not read. Further ones wait.
const STREAMS_MAX: usize = 64;

/// The statements of a component that pass on rows.
pub(in crate::capabilities) struct Streams(Arc<Semaphore>);

/// A statement whose rows can be read.
pub(super) struct Streamed {
    pub(super) reply: Reply<ByRow>,
    /// Of a statement that still runs.
    pub(super) cancel: Option<CancelOnDrop>,
}

/// The results of statements, as the newest interface returns them.
pub(super) struct ByRow;

/// Passes on the rows of a running statement to its guest.
pub(super) struct Passing {
    turn: Arc<Turn>,
    columns: Vec<String>,
    is_read_only: bool,
    /// As long as nothing has been said.
    answer: Option<Answer<ByRow>>,
    /// After that.
    rows: Option<Rows<ByRow>>,
}

impl Results for ByRow {
    type Column = String;
    type Row = RowResult;
    /// Text for the guest.
    type Fault = String;
}

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS_MAX)))
    }
}

impl Streams {
    /// Waits until another statement may pass on rows.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().acquire_owned().await.ok()
    }
}

impl Streamed {
    /// All rows at once.
    pub(super) fn whole(rows: WholeRows, outcome: Result<(), String>) -> Self {
        let WholeRows { columns, rows } = rows;
        let rows = rows.into_iter().map(Into::into).collect();
        Self { reply: Reply::whole(columns, rows, outcome), cancel: None }
    }
}

impl Passing {
    pub(super) fn new(turn: Arc<Turn>, answer: Answer<ByRow>) -> Self {
        let (columns, is_read_only) = (Vec::new(), true);
        Self { turn, columns, is_read_only, answer: Some(answer), rows: None }
    }

    /// The statement has ended. Blocks until the guest has room for the last rows.
    pub(super) fn end(mut self, result: Result<(), String>) {
        if result.is_ok() {
            self.reading();
        }
        match (self.answer, self.rows, result) {
            (Some(answer), _, Err(text)) => answer.refuse(text),
            (_, Some(rows), outcome) => block_on(rows.end(outcome)),
            (_, None, _) => {}
        }
    }

    fn reading(&mut self) -> Option<&mut Rows<ByRow>> {
        if let Some(answer) = self.answer.take() {
            // All that it changes, it has changed before its first row: an interruption would undo
            // that.
            if !self.is_read_only {
                self.turn.end();
            }
            self.rows = Some(answer.begin(std::mem::take(&mut self.columns)));
        }
        self.rows.as_mut()
    }
}

impl Sink for Passing {
    fn begin(&mut self, columns: Vec<String>, is_read_only: bool) {
        (self.columns, self.is_read_only) = (columns, is_read_only);
    }

    /// Blocks while the guest is slow.
    fn row(&mut self, row: Vec<Value>) -> Result<(), String> {
        let bytes = row_bytes(&row, Value::bytes);
        let gone = || "the rows are no longer read".to_owned();
        let rows = self.reading().ok_or_else(gone)?;
        block_on(rows.push(row.into(), bytes))?;
        if rows.are_read() { Ok(()) } else { Err(gone()) }
    }
}
