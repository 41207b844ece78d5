//! A process that dies in the middle of its writes loses none that it has acknowledged.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::Child,
    sync::Arc,
};

use tessera_storage::{
    KeyValue, Stores,
    embedded::{Embedded, Options},
};

use crate::harness::{Folder, children_folder, spawn_child};

/// Deaths in a row, each in the files that the last one left.
const DEATHS: usize = 3;

/// Acknowledged writes that a child gets to before it is killed.
const WRITES_BEFORE_DEATH: usize = 200;

const WRITERS: usize = 8;

#[tokio::test]
async fn every_acknowledged_write_survives_a_kill() {
    let folder = Folder::new();
    let mut expected = BTreeMap::new();
    for _ in 0..DEATHS {
        expected.extend(write_until_killed(&folder));
        let engine = folder.open(Options::default());
        let store = engine.open("test").await.unwrap();
        for (key, value) in &expected {
            let found = store.get(key.clone()).await.unwrap().unwrap_or_default();
            let found = String::from_utf8(found).unwrap();
            assert_eq!(&found, value, "`{key}` was acknowledged with another value");
        }
        assert_pairs_are_whole(&*store).await;
        engine.close().await.unwrap();
    }
}

/// Starts a child, kills it with SIGKILL, and gives all writes that it acknowledged.
fn write_until_killed(folder: &Folder) -> BTreeMap<String, String> {
    let child = spawn_child("crash::child_that_writes", folder.path());
    let acknowledged = acknowledged_by(child, WRITES_BEFORE_DEATH);
    assert!(acknowledged.len() >= WRITES_BEFORE_DEATH);
    acknowledged
}

/// All writes that a child acknowledged before it died, by itself or killed after a number of
/// writes.
pub(crate) fn acknowledged_by(mut child: Child, killed_after: usize) -> BTreeMap<String, String> {
    let mut acknowledged = BTreeMap::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        // A line that was cut off by the death is no acknowledgement.
        let mut words = line.split(' ');
        if let (Some("wrote"), Some(key), Some(value), Some("done")) =
            (words.next(), words.next(), words.next(), words.next())
        {
            acknowledged.insert(key.to_owned(), value.to_owned());
        }
        if acknowledged.len() == killed_after {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success(), "the child ended by itself");
    acknowledged
}

pub(crate) async fn assert_pairs_are_whole(store: &dyn KeyValue) {
    for writer in 0..WRITERS {
        let keys = vec![format!("left-{writer}"), format!("right-{writer}")];
        let pair = store.get_many(keys).await.unwrap();
        assert_eq!(pair[0], pair[1], "half of a batch has survived");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started, and killed, by another test"]
async fn child_that_writes() {
    let engine = Embedded::open(&children_folder(), Options::default()).unwrap();
    let store = engine.open("test").await.unwrap();
    let life = store.increment("life".into(), 1).await.unwrap();
    let writers =
        (0..WRITERS).map(|writer| tokio::spawn(write_for_ever(store.clone(), writer, life)));
    futures::future::join_all(writers).await;
}

async fn write_for_ever(store: Arc<dyn KeyValue>, writer: usize, life: i64) {
    for round in 0.. {
        let value = format!("{life}-{round}");
        let key = format!("key-{life}-{writer}-{round}");
        store.set(key.clone(), value.clone().into_bytes()).await.unwrap();
        println!("wrote {key} {value} done");
        let pair = ["left", "right"].map(|side| (format!("{side}-{writer}"), value.clone().into()));
        store.set_many(pair.to_vec()).await.unwrap();
    }
}
