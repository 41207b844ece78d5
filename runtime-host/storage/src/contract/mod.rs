//! The tests of the guarantees of the port, for every engine.
//!
//! [`contract_tests!`](crate::contract_tests) turns each case into a separate test against stores
//! that an expression creates, so that a failure names the broken guarantee. No case depends on
//! time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the body of tests")]

mod batches;
mod counters;
mod expiry;
mod listing;
mod swaps;
mod values;

use std::{future::Future, sync::Arc};

use futures::future::join_all;

pub use self::{batches::*, counters::*, expiry::*, listing::*, swaps::*, values::*};
use crate::{ErrorKind, KeyValue, Result};

/// One test per guarantee of the port about expiry.
///
/// Like [`contract_tests!`](crate::contract_tests), with an expression that returns
/// `(Arc<dyn Stores>, Store, guard)`: the engine comes first.
#[macro_export]
macro_rules! expiry_tests {
    ($engine:expr) => {
        $crate::expiry_tests! { @each $engine,
            removes_expired_keys
            forgets_the_time_of_a_removed_key
            forgets_the_time_of_an_absent_key
            removes_many_at_once
        }
    };
    (@each $engine:expr, $($case:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let (engine, store, _guard) = $engine;
                $crate::contract::$case(engine, store).await;
            }
        )*
    };
}

/// A store under test.
pub type Store = Arc<dyn KeyValue>;

/// One test per guarantee of the port.
///
/// Takes an expression that is evaluated once per test, in an `async` context, and returns
/// `(Store, guard)`: an empty store with default [`Limits`](crate::Limits), and a value that has to
/// live as long as the store is used.
#[macro_export]
macro_rules! contract_tests {
    ($store:expr) => {
        $crate::contract_tests! { @each $store,
            answers_what_was_stored
            replaces_and_removes
            tells_empty_from_absent
            takes_any_text_as_key
            keeps_large_values
            bounds_keys_values_and_batches
            lists_keys_in_order_page_by_page
            lists_each_lasting_key_once_while_others_come_and_go
            reads_batches_in_the_given_order
            writes_batches_as_a_whole
            shows_no_half_of_a_batch
            counts_from_zero_and_back
            refuses_to_count_other_values
            counts_exactly_under_contention
            swaps_unchanged_keys
            lets_one_swap_win_per_version
            lets_one_creation_win
            notices_a_value_that_came_back
            notices_a_deletion_in_between
            notices_that_an_absent_key_existed_in_between
            returns_the_current_value_on_conflict
            loses_no_update_in_retry_loops
            never_goes_back_in_time
        }
    };
    (@each $store:expr, $($case:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let (store, _guard) = $store;
                $crate::contract::$case(store).await;
            }
        )*
    };
}

fn assert_invalid<T>(outcome: Result<T>) {
    assert_eq!(outcome.err().map(|error| error.kind), Some(ErrorKind::Invalid));
}

/// Runs a number of tasks concurrently and returns their answers in order.
async fn contend<F, T>(store: &Store, tasks: usize, work: impl Fn(Store, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let running: Vec<_> =
        (0..tasks).map(|task| tokio::spawn(work(Arc::clone(store), task))).collect();
    join_all(running).await.into_iter().map(|joined| joined.unwrap()).collect()
}

/// The number that a counter's value stands for: decimal, or eight bytes, little endian. Which of them
/// an engine uses is what stock Spin uses there.
fn decoded(value: &[u8]) -> i64 {
    let decimal = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    decimal.unwrap_or_else(|| i64::from_le_bytes(value.try_into().unwrap()))
}

async fn all_keys(store: &Store, limit: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = store.keys(after, limit).await.unwrap();
        assert!(page.keys.len() <= limit);
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}
