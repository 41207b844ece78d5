//! `spin:key-value/key-value@3.0.0`: what components built with spin-sdk 7 import.
//!
//! Its functions are asynchronous: while one waits for the store, the guest continues, so none of
//! them holds the instance's state across a wait.

use super::{Handle, Operation, OperationError};
use crate::capabilities::State;
use crate::capabilities::bindings::spin::key_value::key_value::{
    Error, Host, HostStore, HostStoreWithStore,
};
use futures::Stream;
use futures::stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tessera_storage::KeyValue;
use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, HasSelf, Resource, StreamProducer, StreamReader,
    StreamResult, VecBuffer,
};

/// Keys per page of the store: up to this number wait in the host until the guest reads them.
const PAGE_KEYS: usize = 256;

type Own = HasSelf<State>;

impl Host for State {}

impl HostStore for State {
    async fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

/// A store and an operation on it that has begun.
fn begin<T>(
    accessor: &Accessor<T, Own>,
    handle: &Resource<Handle>,
    name: &'static str,
) -> wasmtime::Result<(Arc<dyn KeyValue>, Operation)> {
    accessor.with(|mut access| {
        let state = access.get();
        Ok((state.store_of(handle)?, Operation::begin(state, name)))
    })
}

impl<T: Send> HostStoreWithStore<T> for Own {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        let opened = accessor.with(|mut access| access.get().open_store(&label))?;
        Ok(opened.map_err(Error::from))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let (store, operation) = begin(accessor, &handle, "get")?;
        Ok(operation.run(|| store.get(key)).await.map_err(Error::from))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<Handle>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (store, operation) = begin(accessor, &handle, "set")?;
        let operation = operation.writing(value.len());
        Ok(operation.run(|| store.set(key, value)).await.map_err(Error::from))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        handle: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (store, operation) = begin(accessor, &handle, "delete")?;
        Ok(operation.run(|| store.delete(key)).await.map_err(Error::from))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        handle: Resource<Handle>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let (store, operation) = begin(accessor, &handle, "exists")?;
        Ok(operation.run(|| store.exists(key)).await.map_err(Error::from))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<Handle>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let (store, operation) = begin(accessor, &handle, "get-keys")?;
        let (sender, outcome) = oneshot::channel();
        // A guest that stops reading has all the keys it wanted.
        let outcome = async { Ok::<_, wasmtime::Error>(outcome.await.unwrap_or(Ok(()))) };
        accessor.with(|mut access| {
            let keys = Keys { pages: Box::pin(pages(store, operation)), outcome: Some(sender) };
            let keys = StreamReader::new(&mut access, keys)?;
            Ok((keys, FutureReader::new(&mut access, Box::pin(outcome))?))
        })
    }
}

/// The keys of a store, page by page, each asked for when the one before has been read.
fn pages(
    store: Arc<dyn KeyValue>,
    operation: Operation,
) -> impl Stream<Item = Result<Vec<String>, OperationError>> + Send {
    let start = Some((store, operation, None));
    stream::unfold(start, |position| async {
        let (store, mut operation, after) = position?;
        match operation.step(|| store.keys(after, PAGE_KEYS)).await {
            Err(error) => Some((Err(error), None)),
            Ok(page) => {
                let rest = match page.next {
                    Some(next) => Some((store, operation, Some(next))),
                    None => {
                        operation.end();
                        None
                    }
                };
                Some((Ok(page.keys), rest))
            }
        }
    })
}

/// The writing side of the stream that the guest reads.
struct Keys {
    pages: Pin<Box<dyn Stream<Item = Result<Vec<String>, OperationError>> + Send>>,
    outcome: Option<oneshot::Sender<Result<(), Error>>>,
}

impl Keys {
    fn finish(&mut self, outcome: Result<(), Error>) -> StreamResult {
        if let Some(sender) = self.outcome.take() {
            // A guest that dropped the future does not want to know.
            let _ = sender.send(outcome);
        }
        StreamResult::Dropped
    }
}

impl<D> StreamProducer<D> for Keys {
    type Item = String;
    type Buffer = VecBuffer<String>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, String, VecBuffer<String>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        loop {
            let result = match self.pages.as_mut().poll_next(cx) {
                Poll::Pending if finish => StreamResult::Cancelled,
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => self.finish(Ok(())),
                Poll::Ready(Some(Err(error))) => self.finish(Err(error.into())),
                Poll::Ready(Some(Ok(keys))) if keys.is_empty() => continue,
                Poll::Ready(Some(Ok(keys))) => {
                    destination.set_buffer(keys.into());
                    StreamResult::Completed
                }
            };
            return Poll::Ready(Ok(result));
        }
    }
}
