//! Faults of a store.

use super::{Faults, Subject, traced};
use futures::future::BoxFuture;
use std::sync::Arc;
use tessera_storage::{
    Error, ErrorKind, KeyPage, KeyValue, Result, SwapError, Value, Version, Versioned,
};

/// A store whose operations an operator can delay or let fail.
pub(crate) struct StoreWithFaults {
    pub(crate) label: String,
    pub(crate) store: Arc<dyn KeyValue>,
    pub(crate) faults: Arc<Faults>,
}

impl StoreWithFaults {
    /// An operation, and what happens to it. An operation that hangs ends with its caller's
    /// deadline.
    async fn operation<T, E: From<Error>>(
        &self,
        writes: bool,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let injection = self.faults.choose(Subject::Store { label: &self.label, writes });
        match injection {
            None => work.await,
            Some(injection) => {
                traced::mark(&self.faults, injection);
                injection.planned.apply(work, || failed().into()).await
            }
        }
    }
}

fn failed() -> Error {
    Error::new(ErrorKind::Unavailable, "a fault was injected")
}

/// Passes operations on. The first word says whether they write.
macro_rules! with_faults {
    ($($access:ident fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> BoxFuture<'_, $output> {
            let writes = stringify!($access) == "write";
            Box::pin(self.operation(writes, async move { self.store.$name($($argument),*).await }))
        })*
    };
}

impl KeyValue for StoreWithFaults {
    with_faults! {
        read fn get(key: String) -> Result<Option<Value>>;
        read fn exists(key: String) -> Result<bool>;
        read fn keys(after: Option<String>, limit: usize) -> Result<KeyPage>;
        read fn get_many(keys: Vec<String>) -> Result<Vec<Option<Value>>>;
        read fn read_versioned(key: String) -> Result<Versioned>;
        write fn set(key: String, value: Value) -> Result<()>;
        write fn delete(key: String) -> Result<()>;
        write fn set_many(entries: Vec<(String, Value)>) -> Result<()>;
        write fn delete_many(keys: Vec<String>) -> Result<()>;
        write fn increment(key: String, delta: i64) -> Result<i64>;
        write fn expire_at(key: String, at_ms: u64) -> Result<()>;
        write fn compare_and_swap(
            key: String, version: Version, new: Value
        ) -> Result<Version, SwapError>;
    }
}
