//! Queued writes share a commit, but not their failures.

use std::{sync::Arc, time::Duration};

use tessera_storage::{
    ErrorKind, KeyValue, Result, SwapError,
    embedded::{Embedded, Options},
};
use tokio::task::JoinHandle;

use crate::harness::{Hold, limited, open, until};

type Store = Arc<dyn KeyValue>;

fn set(store: &Store, key: String, bytes: usize) -> JoinHandle<Result<()>> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.set(key, vec![1; bytes]).await })
}

#[tokio::test]
async fn a_single_write_does_not_wait() {
    let (_folder, engine, store) = open(Options::default()).await;
    for n in 0..5 {
        store.set(format!("key-{n}"), Vec::new()).await.unwrap();
    }
    let statistics = engine.statistics("test").unwrap();
    assert_eq!((statistics.writes, statistics.commits), (5, 5));
}

#[tokio::test]
async fn a_refused_write_does_not_affect_its_group() {
    let (_folder, engine, store) = open(Options::default()).await;
    store.set("text".into(), b"text".to_vec()).await.unwrap();
    let hold = Hold::on(&engine.path("test"));
    let refused = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.increment("text".into(), 1).await }
    });
    let writes: Vec<_> = (0..10).map(|n| set(&store, format!("key-{n}"), 10)).collect();
    until(&engine, "test", |statistics| statistics.queued == 11).await;
    hold.release();

    assert_eq!(refused.await.unwrap().unwrap_err().kind, ErrorKind::Invalid);
    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert!(engine.statistics("test").unwrap().commits <= 3);
}

#[tokio::test]
async fn a_swap_sees_earlier_writes_of_its_group() {
    let (_folder, engine, store) = open(Options::default()).await;
    let absent = store.read_versioned("key".into()).await.unwrap().version;
    let hold = Hold::on(&engine.path("test"));
    let created = set(&store, "key".into(), 10);
    until(&engine, "test", |statistics| statistics.queued == 1).await;
    let deleted = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.delete("key".into()).await }
    });
    until(&engine, "test", |statistics| statistics.queued == 2).await;
    let swapped = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.compare_and_swap("key".into(), absent, Vec::new()).await }
    });
    until(&engine, "test", |statistics| statistics.queued == 3).await;
    hold.release();

    created.await.unwrap().unwrap();
    deleted.await.unwrap().unwrap();
    let Err(SwapError::Conflict(current)) = swapped.await.unwrap() else {
        panic!("the creation and deletion were not detected");
    };
    assert_eq!(current.value, None);
    store.compare_and_swap("key".into(), current.version, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_write_that_does_not_fit_fails_alone() {
    let options = limited(|database| database.database_bytes_max = 256 * 1024);
    let (_folder, engine, store) = open(options).await;
    let hold = Hold::on(&engine.path("test"));
    let before: Vec<_> = (0..5).map(|n| set(&store, format!("before-{n}"), 10)).collect();
    let oversized = set(&store, "oversized".into(), 1024 * 1024);
    let after: Vec<_> = (0..5).map(|n| set(&store, format!("after-{n}"), 10)).collect();
    until(&engine, "test", |statistics| statistics.queued == 11).await;
    hold.release();

    let full = oversized.await.unwrap().unwrap_err();
    assert_eq!((full.kind, full.is_retryable()), (ErrorKind::Full, false));
    assert!(full.message.contains("test.db"), "{full}");
    for write in before.into_iter().chain(after) {
        write.await.unwrap().unwrap();
    }
    assert_eq!(store.keys(None, 100).await.unwrap().keys.len(), 10);
}

#[tokio::test]
async fn the_queue_is_bounded_in_writes() {
    let options = limited(|database| {
        database.queue_length_max = 2;
        database.group_operations_max = 1;
    });
    let (_folder, engine, store) = open(options).await;
    assert_backpressure(&engine, &store, 1, 3).await;
}

#[tokio::test]
async fn the_queue_is_bounded_in_bytes() {
    let options = limited(|database| database.queue_bytes_max = 1_000);
    let (_folder, engine, store) = open(options).await;
    // Two writes of some 400 bytes fit, a third one does not.
    assert_backpressure(&engine, &store, 400, 2).await;
    store.set("larger than the queue".into(), vec![0; 5_000]).await.unwrap();
}

/// Of ten writes, this number is accepted while the writer is blocked, and all succeed in the end.
async fn assert_backpressure(engine: &Embedded, store: &Store, bytes: usize, accepted: u64) {
    let hold = Hold::on(&engine.path("test"));
    let writes: Vec<_> = (0..10).map(|n| set(store, format!("key-{n}"), bytes)).collect();
    until(engine, "test", |statistics| statistics.queued == accepted).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.statistics("test").unwrap().queued, accepted);
    hold.release();
    for write in writes {
        write.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_canceled_caller_releases_the_queue() {
    let options = limited(|database| database.queue_bytes_max = 1_000);
    let (_folder, engine, store) = open(options).await;
    let hold = Hold::on(&engine.path("test"));
    let gone: Vec<_> = (0..10).map(|n| set(&store, format!("gone-{n}"), 400)).collect();
    until(&engine, "test", |statistics| statistics.queued == 2).await;
    for write in gone {
        write.abort();
        assert!(write.await.unwrap_err().is_cancelled());
    }
    hold.release();
    for n in 0..10 {
        store.set(format!("key-{n}"), vec![0; 400]).await.unwrap();
    }
    until(&engine, "test", |statistics| statistics.queued == 0).await;
}

#[tokio::test]
async fn a_file_locked_by_another_program_is_unavailable_for_a_while() {
    let options = limited(|database| database.busy_timeout = Duration::from_millis(20));
    let (_folder, engine, store) = open(options).await;
    let hold = Hold::on(&engine.path("test"));
    let busy = store.set("key".into(), Vec::new()).await.unwrap_err();
    assert_eq!((busy.kind, busy.is_retryable()), (ErrorKind::Unavailable, true));
    assert_eq!(store.get("key".into()).await, Ok(None), "readers do not wait");
    hold.release();
    store.set("key".into(), Vec::new()).await.unwrap();
}
