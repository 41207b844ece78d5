//! Folders, held writers and child processes for the tests.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tempfile::TempDir;
use tessera_storage::{
    KeyValue, Stores,
    embedded::{Embedded, Options, Statistics},
};

/// The maximum time that a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(30);

/// A temporary directory.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn open(&self, options: Options) -> Embedded {
        Embedded::open(self.path(), options).unwrap()
    }
}

/// A new folder with an open store `test`.
pub(crate) async fn open(options: Options) -> (Folder, Embedded, Arc<dyn KeyValue>) {
    let folder = Folder::new();
    let engine = folder.open(options);
    let store = engine.open("test").await.unwrap();
    (folder, engine, store)
}

/// Options with other limits of databases.
pub(crate) fn limited(set: impl FnOnce(&mut tessera_sqlite::Options)) -> Options {
    let mut options = Options::default();
    set(&mut options.database);
    options
}

/// Blocks the writer of a database, like another program with a transaction.
pub(crate) struct Hold(Connection);

impl Hold {
    pub(crate) fn on(database: &Path) -> Self {
        let connection = Connection::open(database).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    pub(crate) fn release(self) {
        self.0.execute_batch("COMMIT").unwrap();
    }
}

/// Waits for a figure.
pub(crate) async fn until(engine: &Embedded, label: &str, reached: impl Fn(Statistics) -> bool) {
    eventually(|| reached(engine.statistics(label).unwrap())).await;
}

pub(crate) async fn eventually(mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < PATIENCE, "timeout");
        tokio::task::yield_now().await;
    }
}

/// The directory of a child.
pub(crate) const FOLDER_VARIABLE: &str = "TESSERA_STORAGE_TEST_FOLDER";

/// Runs one of the ignored tests of this binary as a separate process.
pub(crate) fn spawn_child(test: &str, folder: &Path) -> Child {
    spawn_child_in(test, folder, &[])
}

/// The same, with additional environment variables.
pub(crate) fn spawn_child_in(test: &str, folder: &Path, variables: &[(&str, String)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER_VARIABLE, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// In a child: the folder to work in.
pub(crate) fn children_folder() -> PathBuf {
    std::env::var_os(FOLDER_VARIABLE).expect("started by another test only").into()
}
