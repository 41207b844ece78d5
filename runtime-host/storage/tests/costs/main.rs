//! What operations cost, in things that can be counted: syncs of the disk, allocations and
//! instructions.
//!
//! The first two are counted by standing in the way: this binary has its own `fsync` and `fdatasync`,
//! which SQLite finds before those of the C library, and its own allocator.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod allocations;
mod instructions;
mod syncs;

use std::sync::Arc;

use tempfile::TempDir;
use tessera_storage::{
    KeyValue, Stores,
    embedded::{Embedded, Options},
};
use tokio::sync::Mutex;

/// Syncs are those of the whole process, so tests go one after the other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A store whose log has been begun: the first write of all syncs once more.
async fn open() -> (TempDir, Embedded, Arc<dyn KeyValue>) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Embedded::open(folder.path(), Options::default()).unwrap();
    let store = engine.open("test").await.unwrap();
    store.set("first".into(), vec![0; 1_000]).await.unwrap();
    (folder, engine, store)
}

#[tokio::test]
async fn each_single_write_is_one_sync() {
    let _alone = ALONE.lock().await;
    let (_folder, _engine, store) = open().await;
    let before = syncs::count();
    for n in 0..20 {
        store.set(format!("key-{n}"), vec![0; 1_000]).await.unwrap();
        assert_eq!(syncs::count() - before, n + 1, "synced before the answer, and once");
    }
}

#[tokio::test]
async fn writes_that_wait_share_a_sync() {
    let _alone = ALONE.lock().await;
    let (_folder, engine, store) = open().await;
    let hold = rusqlite::Connection::open(engine.path("test")).unwrap();
    hold.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = (syncs::count(), engine.statistics("test").unwrap().commits);
    let writes: Vec<_> = (0..32)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.set(format!("key-{n}"), vec![0; 1_000]).await })
        })
        .collect();
    while engine.statistics("test").unwrap().queued < 32 {
        tokio::task::yield_now().await;
    }
    hold.execute_batch("COMMIT").unwrap();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    let commits = engine.statistics("test").unwrap().commits - before.1;
    assert!(commits <= 2, "{commits} commits");
    assert_eq!(syncs::count() - before.0, commits, "one sync per commit");
}

#[tokio::test]
async fn reading_syncs_nothing_and_a_kept_value_allocates_its_copy() {
    let _alone = ALONE.lock().await;
    let (_folder, _engine, store) = open().await;
    let before = syncs::count();
    for _ in 0..3 {
        let key = String::from("first");
        let allocated = allocations::count();
        let value = store.get(key).await.unwrap();
        // The value, and the future that carries it.
        let allocated = allocations::count() - allocated;
        assert!(allocated <= 2, "{allocated} allocations");
        assert_eq!(value.unwrap().len(), 1_000);
    }
    assert_eq!(syncs::count(), before);
}

/// The limits are a quarter above what was counted when they were set: compilers differ.
#[test]
fn reading_and_writing_take_no_more_instructions_than_they_did() {
    /// Of a value of 1,000 bytes that is in memory. Counted: 1,371.
    const GET_MAX: u64 = 1_700;
    /// Of such a value, with its commit. Counted: 43,204.
    const SET_MAX: u64 = 54_000;
    let (get, set) = (instructions::of("many_reads"), instructions::of("many_writes"));
    let (Some(get), Some(set)) = (get, set) else {
        return skipped::because("valgrind is not installed");
    };
    assert!((1..=GET_MAX).contains(&get) && (1..=SET_MAX).contains(&set), "get {get}, set {set}");
}

/// Does nothing unless it is asked how much that costs.
#[tokio::test]
async fn many_reads() {
    let Some(operations) = instructions::asked_for() else { return };
    let (_folder, _engine, store) = open().await;
    for _ in 0..operations {
        store.get("first".into()).await.unwrap();
    }
}

/// Likewise.
#[tokio::test]
async fn many_writes() {
    let Some(operations) = instructions::asked_for() else { return };
    let (_folder, _engine, store) = open().await;
    for _ in 0..operations {
        store.set("first".into(), vec![0; 1_000]).await.unwrap();
    }
}
