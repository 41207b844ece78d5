//! Rows on their way from a driver to a guest.

use super::session::Session;
use super::{Driver, Refusal};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

/// What the rows of one query may have together, in bytes: the host holds them for the guest. If
/// the rows are streamed, it is the limit of one row.
const ROWS_MAX_BYTES: usize = 32 << 20;
/// Rows are passed on together until they have this size, in bytes, if the guest reads slowly.
const BATCH_BYTES: usize = 64 << 10;
/// What a value counts, besides its text or bytes.
const VALUE_BYTES: usize = 32;

type Row<D> = Vec<<D as Driver>::Value>;

struct Batch<D: Driver> {
    rows: Vec<Row<D>>,
    bytes: usize,
}

/// The side of a driver: the answer to a query, of which nothing has been said yet.
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Answer<D: Driver>(oneshot::Sender<Answered<D>>);

/// What the server has said to a query.
pub(super) type Answered<D> = Result<Reply<D>, <D as Driver>::Fault>;

/// The side of a driver: the rows of a query.
pub(in crate::capabilities) struct Rows<D: Driver> {
    batches: mpsc::Sender<Batch<D>>,
    batch: Batch<D>,
    outcome: oneshot::Sender<Result<(), D::Fault>>,
}

/// The side of the guest: a query that the server has accepted.
pub(super) struct Reply<D: Driver> {
    columns: Vec<D::Column>,
    batches: mpsc::Receiver<Batch<D>>,
    outcome: oneshot::Receiver<Result<(), D::Fault>>,
}

/// The rows of a query, one batch after the other.
pub(in crate::capabilities) struct RowProducer<D: Driver> {
    batches: mpsc::Receiver<Batch<D>>,
    /// Its end would end the query.
    _session: Arc<Session<D>>,
}

/// The columns of a query, its rows, and whether all rows could be read.
pub(in crate::capabilities) type Streamed<D, O> = (Vec<<D as Driver>::Column>, RowProducer<D>, O);

impl<D: Driver> Batch<D> {
    const EMPTY: Self = Self { rows: Vec::new(), bytes: 0 };
}

impl<D: Driver> Answer<D> {
    pub(super) fn channel() -> (Self, oneshot::Receiver<Answered<D>>) {
        let (answer, answered) = oneshot::channel();
        (Self(answer), answered)
    }

    /// The server has refused the query.
    pub(in crate::capabilities) fn refuse(self, fault: D::Fault) {
        let _ = self.0.send(Err(fault));
    }

    /// The server has accepted the query.
    pub(in crate::capabilities) fn begin(self, columns: Vec<D::Column>) -> Rows<D> {
        let (batches, received) = mpsc::channel(1);
        let (outcome, known) = oneshot::channel();
        let reply = Reply { columns, batches: received, outcome: known };
        let _ = self.0.send(Ok(reply));
        Rows { batches, batch: Batch::EMPTY, outcome }
    }
}

impl<D: Driver> Rows<D> {
    /// Passes on a row. Waits while the guest is slow.
    ///
    /// Errors: a limit. Rows whose reader is gone are dropped.
    pub(in crate::capabilities) async fn push(&mut self, row: Row<D>) -> Result<(), D::Fault> {
        let bytes = row.iter().map(|value| VALUE_BYTES + D::bytes(value)).sum::<usize>();
        if bytes > ROWS_MAX_BYTES {
            return Err(too_large());
        }
        self.batch.rows.push(row);
        self.batch.bytes += bytes;
        let free = match self.batch.bytes {
            BATCH_BYTES.. => self.batches.reserve().await.ok(),
            _ => self.batches.try_reserve().ok(),
        };
        match free {
            Some(free) => free.send(std::mem::replace(&mut self.batch, Batch::EMPTY)),
            None if self.batches.is_closed() => self.batch = Batch::EMPTY,
            None => {}
        }
        Ok(())
    }

    /// All rows have been passed on, or no more can be.
    pub(in crate::capabilities) async fn end(self, outcome: Result<(), D::Fault>) {
        if !self.batch.rows.is_empty() {
            let _ = self.batches.send(self.batch).await;
        }
        let _ = self.outcome.send(outcome);
    }
}

impl<D: Driver> Reply<D> {
    /// Waits for all rows.
    pub(super) async fn collect(mut self) -> Result<(Vec<D::Column>, Vec<Row<D>>), D::Fault> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = self.batches.recv().await {
            bytes += batch.bytes;
            if bytes > ROWS_MAX_BYTES {
                return Err(too_large());
            }
            rows.extend(batch.rows);
        }
        outcome::<D>(self.outcome).await?;
        Ok((self.columns, rows))
    }

    /// The rows as a stream.
    pub(super) fn stream(
        self,
        session: Arc<Session<D>>,
    ) -> Streamed<D, impl Future<Output = Result<(), D::Fault>> + Send + use<D>> {
        let rows = RowProducer { batches: self.batches, _session: session };
        (self.columns, rows, outcome::<D>(self.outcome))
    }
}

async fn outcome<D: Driver>(
    known: oneshot::Receiver<Result<(), D::Fault>>,
) -> Result<(), D::Fault> {
    let lost = |_| Err(Refusal::Connection("the connection is closed".into()).into());
    known.await.unwrap_or_else(lost)
}

fn too_large<F: From<Refusal>>() -> F {
    Refusal::Query(format!("query result exceeds limit of {ROWS_MAX_BYTES} bytes")).into()
}

#[cfg(test)]
impl<D: Driver> RowProducer<D> {
    pub(super) async fn next(&mut self) -> Option<Vec<Row<D>>> {
        self.batches.recv().await.map(|batch| batch.rows)
    }
}

impl<S, D: Driver> StreamProducer<S> for RowProducer<D> {
    type Item = Row<D>;
    type Buffer = VecBuffer<Row<D>>;

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
