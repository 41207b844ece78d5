//! The cache returns what the file has, in less time.

use std::sync::Arc;

use rusqlite::Connection;
use tessera_storage::{KeyValue, Stores, SwapError, embedded::Options};

use crate::harness::{Folder, open};

const UPSERT: &str = "INSERT INTO spin_key_value (store, key, value) VALUES ('test', ?1, ?2)
    ON CONFLICT(store, key) DO UPDATE SET value=?2";

async fn get(store: &Arc<dyn KeyValue>, key: &str) -> Option<Vec<u8>> {
    store.get(key.to_owned()).await.unwrap()
}

#[tokio::test]
async fn what_was_written_or_read_is_not_read_again() {
    let (folder, engine, store) = open(Options::default()).await;
    let file_reads = || engine.statistics("test").unwrap().file_reads;
    store.set("set".into(), vec![1]).await.unwrap();
    store.set_many(vec![("a".into(), vec![2]), ("b".into(), vec![3])]).await.unwrap();
    store.delete("b".into()).await.unwrap();
    assert_eq!(store.increment("n".into(), 1).await, Ok(1));
    assert_eq!(get(&store, "set").await, Some(vec![1]));
    assert_eq!(store.exists("b".into()).await, Ok(false));
    let several = ["a", "b", "n"].map(Into::into).to_vec();
    let values = store.get_many(several).await.unwrap();
    assert_eq!(values, [Some(vec![2]), None, Some(1_i64.to_le_bytes().to_vec())]);
    assert_eq!(file_reads(), 0, "all of it was written here");

    assert_eq!(get(&store, "absent").await, None);
    assert_eq!(file_reads(), 1);
    let absent = store.read_versioned("absent".into()).await.unwrap();
    assert_eq!((absent.value, file_reads()), (None, 1), "that there is nothing is known now");
    store.compare_and_swap("absent".into(), absent.version, vec![4]).await.unwrap();
    assert_eq!(get(&store, "absent").await, Some(vec![4]));
    assert_eq!(file_reads(), 1);
    engine.close().await.unwrap();
    assert!(store.get("set".into()).await.is_err(), "nothing is served after the end");

    let engine = folder.open(Options::default());
    let store = engine.open("test").await.unwrap();
    let keys = || ["set", "a", "absent"].map(Into::into).to_vec();
    let read = store.get_many(keys()).await.unwrap();
    assert_eq!(store.get_many(keys()).await.unwrap(), read);
    assert_eq!(get(&store, "set").await, Some(vec![1]));
    assert_eq!(engine.statistics("test").unwrap().file_reads, 1);
}

#[tokio::test]
async fn what_another_program_changes_is_seen_after_the_next_write_or_sweep() {
    let (_folder, engine, store) = open(Options::default()).await;
    store.set("key".into(), b"ours".to_vec()).await.unwrap();
    let read = store.read_versioned("key".into()).await.unwrap();
    let operator = Connection::open(engine.path("test")).unwrap();

    // The writer sees the change in the same transaction.
    operator.execute(UPSERT, ("key", "theirs")).unwrap();
    operator.execute("UPDATE spin_key_value SET version = 1", []).unwrap();
    let swapped = store.compare_and_swap("key".into(), read.version, b"mine".to_vec()).await;
    let Err(SwapError::Conflict(current)) = swapped else { panic!("the change was not detected") };
    assert_eq!(current.value, Some(b"theirs".to_vec()));
    operator.execute(UPSERT, ("count", 41_i64.to_le_bytes())).unwrap();
    assert_eq!(store.increment("count".into(), 1).await, Ok(42));

    operator.execute(UPSERT, ("key", "theirs again")).unwrap();
    assert_eq!(engine.sweep_expired(0).await, Ok(0));
    assert_eq!(get(&store, "key").await, Some(b"theirs again".to_vec()));
    let file_reads = || engine.statistics("test").unwrap().file_reads;
    let before = file_reads();
    assert_eq!(get(&store, "key").await, Some(b"theirs again".to_vec()));
    assert_eq!(file_reads(), before, "it is cached again");
}

#[tokio::test]
async fn labels_of_one_file_and_of_several_are_kept_apart() {
    let folder = Folder::new();
    let shared = ["a", "b"].map(|label| (label.to_owned(), folder.file("shared.db")));
    let engine = folder.open(Options { paths: shared.into(), ..Options::default() });
    let mut stores = Vec::new();
    for label in ["a", "b", "c", "d"] {
        let store = engine.open(label).await.unwrap();
        store.set("key".into(), label.into()).await.unwrap();
        stores.push((label, store));
    }
    for (label, store) in stores {
        assert_eq!(get(&store, "key").await, Some(label.into()));
    }
}

#[tokio::test]
async fn a_full_cache_lets_go_of_values_and_an_empty_one_takes_none() {
    for cache_bytes_max in [0, 64 * 1024] {
        let options = Options { cache_bytes_max, ..Options::default() };
        let (_folder, engine, store) = open(options).await;
        let entry = |n: u32| (format!("key-{n}"), vec![n as u8; 1_000 + 50 * n as usize]);
        store.set_many((0..200).map(entry).collect()).await.unwrap();
        store.set("large".into(), vec![7; 1024 * 1024]).await.unwrap();
        for n in 0..200 {
            let (key, value) = entry(n);
            assert_eq!(get(&store, &key).await, Some(value));
        }
        assert_eq!(get(&store, "large").await, Some(vec![7; 1024 * 1024]));
        let file_reads = engine.statistics("test").unwrap().file_reads;
        assert!(file_reads >= 150, "{file_reads} reads of 201 for {cache_bytes_max} bytes");
    }
}
