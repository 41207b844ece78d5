//! Rows on their way from a driver to a guest.

use super::{Refusal, Results};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

/// What the rows of one query may have together, in bytes: the host holds them for the guest. If
/// the rows are streamed, it is the limit of one row.
const ROWS_MAX_BYTES: usize = 32 << 20;
/// Rows are passed on together until they have this size, in bytes, if the guest reads slowly.
const BATCH_BYTES: usize = 64 << 10;
/// How many batches wait for a slow guest. The last one always finds a place if the rows are few, so
/// that their query does not wait for the guest.
const BATCHES: usize = 2;
/// What a value counts, besides its text or bytes.
const VALUE_BYTES: usize = 32;

/// The size of a row, in bytes. `bytes` is that of a value, besides its fixed part.
pub(in crate::capabilities) fn row_bytes<V>(row: &[V], bytes: impl Fn(&V) -> usize) -> usize {
    row.iter().map(|value| VALUE_BYTES + bytes(value)).sum()
}

struct Batch<R: Results> {
    rows: Vec<R::Row>,
    bytes: usize,
}

/// The side of a driver: the answer to a query, of which nothing has been said yet.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Answer<R: Results>(oneshot::Sender<Answered<R>>);

/// What the server has said to a query.
pub(in crate::capabilities) type Answered<R> = Result<Reply<R>, <R as Results>::Fault>;

/// The side of a driver: the rows of a query.
pub(in crate::capabilities) struct Rows<R: Results> {
    batches: mpsc::Sender<Batch<R>>,
    batch: Batch<R>,
    outcome: oneshot::Sender<Result<(), R::Fault>>,
}

/// The side of the guest: a query that the server has accepted.
pub(in crate::capabilities) struct Reply<R: Results> {
    columns: Vec<R::Column>,
    batches: mpsc::Receiver<Batch<R>>,
    outcome: oneshot::Receiver<Result<(), R::Fault>>,
}

/// The rows of a query, one batch after the other.
pub(in crate::capabilities) struct RowProducer<R: Results, Q> {
    batches: mpsc::Receiver<Batch<R>>,
    /// Its end would end the query.
    _query: Q,
}

/// The columns of a query, its rows, and whether all rows could be read.
pub(in crate::capabilities) type Streamed<R, Q, O> =
    (Vec<<R as Results>::Column>, RowProducer<R, Q>, O);

impl<R: Results> Batch<R> {
    const EMPTY: Self = Self { rows: Vec::new(), bytes: 0 };
}

impl<R: Results> Answer<R> {
    pub(in crate::capabilities) fn channel() -> (Self, oneshot::Receiver<Answered<R>>) {
        let (answer, answered) = oneshot::channel();
        (Self(answer), answered)
    }

    /// The server has refused the query.
    pub(in crate::capabilities) fn refuse(self, fault: R::Fault) {
        let _ = self.0.send(Err(fault));
    }

    /// The server has accepted the query.
    pub(in crate::capabilities) fn begin(self, columns: Vec<R::Column>) -> Rows<R> {
        let (rows, reply) = channel(columns);
        let _ = self.0.send(Ok(reply));
        rows
    }
}

fn channel<R: Results>(columns: Vec<R::Column>) -> (Rows<R>, Reply<R>) {
    let (batches, received) = mpsc::channel(BATCHES);
    let (outcome, known) = oneshot::channel();
    let rows = Rows { batches, batch: Batch::EMPTY, outcome };
    (rows, Reply { columns, batches: received, outcome: known })
}

impl<R: Results> Rows<R> {
    /// Passes on a row of this size. Waits while the guest is slow.
    ///
    /// Errors: a limit. Rows whose reader is gone are dropped.
    pub(in crate::capabilities) async fn push(
        &mut self,
        row: R::Row,
        bytes: usize,
    ) -> Result<(), R::Fault> {
        if bytes > ROWS_MAX_BYTES {
            return Err(too_large());
        }
        self.batch.rows.push(row);
        self.batch.bytes += bytes;
        let free = match self.batch.bytes {
            BATCH_BYTES.. => self.batches.reserve().await.ok(),
            _ if self.batches.capacity() == BATCHES => self.batches.try_reserve().ok(),
            _ => None,
        };
        match free {
            Some(free) => free.send(std::mem::replace(&mut self.batch, Batch::EMPTY)),
            None if !self.are_read() => self.batch = Batch::EMPTY,
            None => {}
        }
        Ok(())
    }

    /// Whether the guest may still read them.
    pub(in crate::capabilities) fn are_read(&self) -> bool {
        !self.batches.is_closed()
    }

    /// All rows have been passed on, or no more can be.
    pub(in crate::capabilities) async fn end(self, outcome: Result<(), R::Fault>) {
        if !self.batch.rows.is_empty() {
            let _ = self.batches.send(self.batch).await;
        }
        let _ = self.outcome.send(outcome);
    }
}

impl<R: Results> Reply<R> {
    /// All rows at once, and whether there would be more.
    pub(in crate::capabilities) fn whole(
        columns: Vec<R::Column>,
        rows: Vec<R::Row>,
        outcome: Result<(), R::Fault>,
    ) -> Self {
        let (sent, reply) = channel(columns);
        if !rows.is_empty() {
            let _ = sent.batches.try_send(Batch { rows, bytes: 0 });
        }
        let _ = sent.outcome.send(outcome);
        reply
    }

    /// Waits for all rows.
    pub(super) async fn collect(mut self) -> Result<(Vec<R::Column>, Vec<R::Row>), R::Fault> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = self.batches.recv().await {
            bytes += batch.bytes;
            if bytes > ROWS_MAX_BYTES {
                return Err(too_large());
            }
            rows.extend(batch.rows);
        }
        outcome::<R>(self.outcome).await?;
        Ok((self.columns, rows))
    }

    /// The rows as a stream, which keeps the query running.
    pub(in crate::capabilities) fn stream<Q>(
        self,
        query: Q,
    ) -> Streamed<R, Q, impl Future<Output = Result<(), R::Fault>> + Send + use<R, Q>> {
        let rows = RowProducer { batches: self.batches, _query: query };
        (self.columns, rows, outcome::<R>(self.outcome))
    }
}

async fn outcome<R: Results>(
    known: oneshot::Receiver<Result<(), R::Fault>>,
) -> Result<(), R::Fault> {
    let lost = |_| Err(Refusal::Connection("the connection is closed".into()).into());
    known.await.unwrap_or_else(lost)
}

fn too_large<F: From<Refusal>>() -> F {
    Refusal::Query(format!("query result exceeds limit of {ROWS_MAX_BYTES} bytes")).into()
}

#[cfg(test)]
impl<R: Results, Q> RowProducer<R, Q> {
    pub(in crate::capabilities) async fn next(&mut self) -> Option<Vec<R::Row>> {
        self.batches.recv().await.map(|batch| batch.rows)
    }
}

impl<S, R: Results, Q: Send + Unpin + 'static> StreamProducer<S> for RowProducer<R, Q> {
    type Item = R::Row;
    type Buffer = VecBuffer<R::Row>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, S>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        match self.get_mut().batches.poll_recv(cx) {
            Poll::Ready(Some(batch)) => {
                destination.set_buffer(batch.rows.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
