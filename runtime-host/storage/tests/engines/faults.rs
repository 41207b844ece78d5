//! Damaged files are reported.

use std::{
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt,
    path::PathBuf,
};

use tessera_storage::{ErrorKind, Health, Stores, embedded::Options};

use crate::harness::{Folder, limited, open};

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = Folder::new();
    fs::write(folder.file("test.db"), "this is text and not a database ".repeat(1_000)).unwrap();
    let engine = folder.open(Options::default());
    let error = engine.open("test").await.err().unwrap();
    assert_eq!((error.kind, error.is_retryable()), (ErrorKind::Corrupt, false));
    assert!(error.message.contains("test.db"), "{error}");
    engine.open("other").await.unwrap();
}

/// The file of a store with 500 entries, in which the pages are overwritten that are selected from
/// their number.
async fn damaged(select: fn(u64) -> Range<u64>) -> (Folder, PathBuf) {
    let (folder, engine, store) = open(Options::default()).await;
    let entries = (0..500).map(|n| (format!("key-{n:03}"), vec![7; 1_000])).collect();
    store.set_many(entries).await.unwrap();
    assert_eq!(engine.health("test"), Some(Health::Sound));
    let file = engine.path("test");
    engine.close().await.unwrap();

    let database = File::options().write(true).open(&file).unwrap();
    for page in select(fs::metadata(&file).unwrap().len() / 4_096) {
        database.write_all_at(&[0xff; 4_096], page * 4_096).unwrap();
    }
    (folder, file)
}

#[tokio::test]
async fn a_damaged_page_is_noticed_when_it_is_read() {
    let (folder, _) = damaged(|pages| 10..pages).await;
    let engine = folder.open(Options::default());
    let store = engine.open("test").await.unwrap();
    let mut corrupt = 0;
    for n in 0..500 {
        match store.get(format!("key-{n:03}")).await {
            Ok(value) => assert_eq!(value, Some(vec![7; 1_000]), "damage was served as data"),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Corrupt);
                assert!(error.message.contains("test.db"), "{error}");
                corrupt += 1;
            }
        }
    }
    assert!(corrupt > 0);
    assert_eq!(engine.health("test"), Some(Health::Damaged));
}

#[tokio::test]
async fn damage_is_detected_on_opening_and_makes_the_file_read_only() {
    let (folder, file) = damaged(|pages| pages - 2..pages - 1).await;
    let before = fs::read(&file).unwrap();
    let engine = folder.open(Options::default());
    let store = engine.open("test").await.unwrap();
    assert_eq!(engine.health("test"), Some(Health::Damaged), "before any request");
    let refused = store.set("key-000".into(), vec![8]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Corrupt);
    assert!(refused.message.contains("restore"), "{refused}");
    assert_eq!(store.get("key-000".into()).await, Ok(Some(vec![7; 1_000])), "what is left");
    engine.close().await.unwrap();
    let after = fs::read(&file).unwrap();
    let changed = after.chunks(4_096).zip(before.chunks(4_096)).filter(|(now, then)| now != then);
    // The header of the file, and its open counter.
    assert!(changed.count() <= 2, "the damaged file was written to");
}

#[tokio::test]
async fn a_full_store_is_reported_for_some_time() {
    let limits = limited(|database| database.database_bytes_max = 200 * 1_024);
    let (_folder, engine, store) = open(limits).await;
    assert_eq!(engine.health("test"), Some(Health::Sound));
    let full = (0..1_000).map(async |n| store.set(format!("{n}"), vec![0; 4_000]).await);
    let mut refused = None;
    for write in full {
        if let Err(error) = write.await {
            refused = Some(error);
            break;
        }
    }
    assert_eq!(refused.unwrap().kind, ErrorKind::Full);
    assert_eq!(engine.health("test"), Some(Health::Full));
    assert_eq!(store.get("0".into()).await, Ok(Some(vec![0; 4_000])), "nothing is lost");
    assert_eq!(engine.health("other"), None);
}
