//! Damaged files are named, not served.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

use tessera_storage::{ErrorKind, Stores, embedded::Options};

use crate::harness::Folder;

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = Folder::new();
    fs::write(folder.file("test.db"), "nobody writes databases in prose ".repeat(1_000)).unwrap();
    let engine = folder.open(Options::default());
    let error = engine.open("test").await.err().unwrap();
    assert_eq!((error.kind, error.is_retryable()), (ErrorKind::Corrupt, false));
    assert!(error.message.contains("test.db"), "{error}");
    engine.open("other").await.unwrap();
}

#[tokio::test]
async fn a_damaged_page_is_noticed_when_it_is_read() {
    let folder = Folder::new();
    let engine = folder.open(Options::default());
    let store = engine.open("test").await.unwrap();
    let entries = (0..500).map(|n| (format!("key-{n:03}"), vec![7; 1_000])).collect();
    store.set_many(entries).await.unwrap();
    let file = engine.path("test");
    engine.close().await.unwrap();
    drop(engine);

    let pages = fs::metadata(&file).unwrap().len() / 4_096;
    let database = File::options().write(true).open(&file).unwrap();
    for page in 10..pages {
        database.write_all_at(&[0xff; 4_096], page * 4_096).unwrap();
    }
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
}
