//! Files move between this host and stock Spin, and labels may share one.

use std::fs;

use rusqlite::Connection;
use tessera_storage::{ErrorKind, Stores, embedded::Options};

use crate::harness::Folder;

const SPINS_TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))";

const SPINS_UPSERT: &str = "INSERT INTO spin_key_value (store, key, value) VALUES ($1, $2, $3)
    ON CONFLICT(store, key) DO UPDATE SET value=$3";

fn at(folder: &Folder, labels: &[&str]) -> Options {
    let path = |label: &&str| ((*label).to_owned(), folder.file("spin.db"));
    Options { paths: labels.iter().map(path).collect(), ..Options::default() }
}

#[tokio::test]
async fn a_file_of_stock_spin_is_taken_over_and_given_back() {
    let folder = Folder::new();
    let spin = Connection::open(folder.file("spin.db")).unwrap();
    spin.execute(SPINS_TABLE, []).unwrap();
    spin.execute(SPINS_UPSERT, ("default", "key", b"spin")).unwrap();
    spin.execute(SPINS_UPSERT, ("default", "count", 41_i64.to_le_bytes())).unwrap();
    spin.execute(SPINS_UPSERT, ("other", "key", b"not ours")).unwrap();
    drop(spin);

    let engine = folder.open(at(&folder, &["default"]));
    let store = engine.open("default").await.unwrap();
    assert_eq!(store.keys(None, 10).await.unwrap().keys, ["count", "key"]);
    assert_eq!(store.increment("count".into(), 1).await, Ok(42));
    assert_eq!(store.get("count".into()).await, Ok(Some(42_i64.to_le_bytes().to_vec())));
    let read = store.read_versioned("key".into()).await.unwrap();
    assert_eq!(read.value, Some(b"spin".to_vec()));
    store.compare_and_swap("key".into(), read.version, b"tessera".to_vec()).await.unwrap();
    engine.close().await.unwrap();

    let spin = Connection::open(folder.file("spin.db")).unwrap();
    spin.execute(SPINS_TABLE, []).unwrap();
    spin.execute(SPINS_UPSERT, ("default", "new", b"spin again")).unwrap();
    let value: Vec<u8> = spin
        .query_row(
            "SELECT value FROM spin_key_value WHERE store='default' AND key='key'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(value, b"tessera");
}

#[tokio::test]
async fn labels_that_share_a_file_keep_their_keys_apart() {
    let folder = Folder::new();
    let mut options = at(&folder, &["a", "b"]);
    let roundabout = folder.path().join("..").join(folder.path().file_name().unwrap());
    options.paths.insert("b".into(), roundabout.join("spin.db"));
    let engine = folder.open(options);
    let (a, b) = (engine.open("a").await.unwrap(), engine.open("b").await.unwrap());
    a.set("key".into(), b"a".to_vec()).await.unwrap();
    b.set("key".into(), b"b".to_vec()).await.unwrap();
    a.delete("absent".into()).await.unwrap();
    assert_eq!(a.get("key".into()).await, Ok(Some(b"a".to_vec())));
    b.delete("key".into()).await.unwrap();
    assert_eq!(a.keys(None, 10).await.unwrap().keys, ["key"]);
}

#[tokio::test]
async fn odd_labels_are_stores_like_any_other() {
    let folder = Folder::new();
    let engine = folder.open(Options::default());
    for label in ["..", "a/b", "A", "a", "größe", ".lock", &"x".repeat(64)] {
        let store = engine.open(label).await.unwrap();
        assert_eq!(store.get("label".into()).await, Ok(None), "{label}");
        store.set("label".into(), label.into()).await.unwrap();
        assert_eq!(engine.path(label).parent(), Some(folder.path()));
    }
    for label in ["", &"x".repeat(65)] {
        assert_eq!(engine.open(label).await.err().unwrap().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_value_typed_in_with_sqlite3_can_be_read() {
    let folder = Folder::new();
    let engine = folder.open(Options::default());
    engine.open("test").await.unwrap();
    engine.close().await.unwrap();
    let operator = Connection::open(engine.path("test")).unwrap();
    let insert = "INSERT INTO spin_key_value (store, key, value) VALUES ('test', 'key', 'by hand')";
    operator.execute(insert, []).unwrap();
    drop(operator);
    let store = folder.open(Options::default()).open("test").await.unwrap();
    assert_eq!(store.get("key".into()).await, Ok(Some(b"by hand".to_vec())));
}

#[tokio::test]
async fn a_newer_format_is_not_changed() {
    let folder = Folder::new();
    let newer = Connection::open(folder.file("test.db")).unwrap();
    newer.execute_batch("CREATE TABLE future (x); PRAGMA user_version = 99").unwrap();
    drop(newer);
    let before = fs::read(folder.file("test.db")).unwrap();
    let engine = folder.open(Options::default());
    let error = engine.open("test").await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(error.message.contains("test.db") && error.message.contains("99"), "{error}");
    assert!(fs::read(folder.file("test.db")).unwrap() == before, "the file was touched");
}
