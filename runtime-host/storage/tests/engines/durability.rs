//! Acknowledged writes are in the file, and the file is complete.

use std::{fs, sync::Arc};

use tessera_storage::{
    ErrorKind, Stores, Version,
    embedded::{Embedded, Options},
};

use crate::harness::{Folder, Hold, eventually, open, until};

#[tokio::test]
async fn a_second_opening_sees_everything() {
    let (folder, engine, store) = open(Options::default()).await;
    store.set("set".into(), b"value".to_vec()).await.unwrap();
    store.set("deleted".into(), Vec::new()).await.unwrap();
    store.delete("deleted".into()).await.unwrap();
    store.increment("count".into(), 7).await.unwrap();
    let version = store.read_versioned("swapped".into()).await.unwrap().version;
    store.compare_and_swap("swapped".into(), version, b"new".to_vec()).await.unwrap();
    engine.close().await.unwrap();
    drop(engine);

    let engine = folder.open(Options::default());
    let store = engine.open("test").await.unwrap();
    assert_eq!(store.get("set".into()).await, Ok(Some(b"value".to_vec())));
    assert_eq!(store.exists("deleted".into()).await, Ok(false));
    assert_eq!(store.increment("count".into(), 0).await, Ok(7));
    assert_eq!(store.get("swapped".into()).await, Ok(Some(b"new".to_vec())));
}

#[tokio::test]
async fn versions_are_never_given_twice_across_openings() {
    let folder = Folder::new();
    let mut last = 0;
    for _ in 0..3 {
        let engine = folder.open(Options::default());
        let store = engine.open("test").await.unwrap();
        store.delete("key".into()).await.unwrap();
        store.set("key".into(), Vec::new()).await.unwrap();
        let version = store.read_versioned("key".into()).await.unwrap().version;
        let Version::Present(number) = version else { panic!("the key is there") };
        assert!(number > last, "{number} after {last}");
        last = number;
        engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let engine = folder.open(Options::default());
    let store = engine.open("test").await.unwrap();
    store.set("key".into(), b"value".to_vec()).await.unwrap();
    let file = engine.path("test");
    engine.close().await.unwrap();

    assert!(!file.with_extension("db-wal").exists(), "the log is left over");
    fs::copy(&file, elsewhere.file("test.db")).unwrap();
    let copy = elsewhere.open(Options::default()).open("test").await.unwrap();
    assert_eq!(copy.get("key".into()).await, Ok(Some(b"value".to_vec())));
}

#[tokio::test]
async fn close_finishes_what_was_accepted_and_refuses_the_rest() {
    let folder = Folder::new();
    let engine = Arc::new(folder.open(Options::default()));
    let store = engine.open("test").await.unwrap();
    let hold = Hold::on(&engine.path("test"));
    let writes: Vec<_> = (0..20)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.set(format!("key-{n}"), vec![n]).await })
        })
        .collect();
    until(&engine, "test", |statistics| statistics.queued == 20).await;

    let closing = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.close().await }
    });
    eventually(|| engine.statistics("test").is_none()).await;
    hold.release();
    closing.await.unwrap().unwrap();
    for write in writes {
        write.await.unwrap().unwrap();
    }

    for late in [
        store.set("late".into(), Vec::new()).await,
        store.get("late".into()).await.map(drop),
        engine.open("test").await.map(drop),
        engine.open("other").await.map(drop),
    ] {
        assert_eq!(late.unwrap_err().kind, ErrorKind::Unavailable);
    }
    engine.close().await.unwrap();

    let reopened = folder.open(Options::default()).open("test").await.unwrap();
    assert_eq!(reopened.keys(None, 100).await.unwrap().keys.len(), 20);
}

#[tokio::test]
async fn drop_closes_in_the_background() {
    let (folder, engine, store) = open(Options::default()).await;
    store.set("key".into(), b"value".to_vec()).await.unwrap();
    drop((engine, store));

    let mut reopened = None;
    eventually(|| {
        reopened = Embedded::open(folder.path(), Options::default()).ok();
        reopened.is_some()
    })
    .await;
    let store = reopened.unwrap().open("test").await.unwrap();
    assert_eq!(store.get("key".into()).await, Ok(Some(b"value".to_vec())));
}
