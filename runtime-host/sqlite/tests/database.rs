//! A database with a minimal engine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tempfile::TempDir;
use tessera_sqlite::{
    Database, Engine, ErrorKind, Format, Lock, Operation, Options, Transactions, open,
};

const FORMAT: Format = Format {
    name: "a test",
    application_id: None,
    version: 1,
    migrate: |connection, _| connection.execute_batch("CREATE TABLE numbers (number UNIQUE)"),
    checked_tables: &[],
    opens_damaged: false,
    thread_name: "test",
};

/// Counts what the writer calls.
#[derive(Clone, Default)]
struct Counts {
    groups: Arc<AtomicUsize>,
    committed: Arc<AtomicUsize>,
    file_changed: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Engine for Counts {
    type Group<'a> = &'a Connection;
    type Commit = ();

    fn begin<'a>(&'a mut self, connection: &'a Connection) -> &'a Connection {
        connection
    }

    fn finish(_: &Connection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn committed(&mut self, (): ()) {
        self.committed.fetch_add(1, Ordering::SeqCst);
    }

    fn file_changed(&mut self) {
        self.file_changed.fetch_add(1, Ordering::SeqCst);
    }

    fn after_group(transactions: &mut Transactions<Self>) {
        transactions.engine().groups.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Inserts a number, which fails if it exists. Returns the number of rows.
struct Insert(i64);

impl Operation<Counts> for Insert {
    type Answer = i64;

    fn bytes(&self) -> usize {
        8
    }

    fn apply(&self, group: &mut &Connection) -> rusqlite::Result<i64> {
        group.execute("INSERT INTO numbers VALUES (?1)", [self.0])?;
        count(group)
    }
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0))
}

struct Test {
    folder: TempDir,
    counts: Counts,
}

impl Test {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), counts: Counts::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    fn open(&self) -> Arc<Database<Counts>> {
        let options = Options {
            database_bytes_max: 1024 * 1024,
            readers_max: 2,
            queue_bytes_max: 1_000,
            group_operations_max: 50,
            busy_timeout: Duration::from_secs(30),
            ..Options::default()
        };
        let lock = Lock::directory(self.folder.path()).unwrap();
        let opened = open(&self.path(), &FORMAT, &options).unwrap();
        let database = Database::start(opened, self.counts.clone(), &options, Arc::new(lock));
        Arc::new(database.unwrap())
    }
}

/// Holds the write lock of a file.
fn hold(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

async fn until(mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(30), "timeout");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn queued_operations_share_a_commit_and_a_failing_one_fails_alone() {
    let test = Test::new();
    let database = test.open();
    assert_eq!(database.write(Insert(0)).await, Ok(1));
    let before = database.statistics().commits;
    let held = hold(&test.path());
    let insert = |number| {
        let database = Arc::clone(&database);
        tokio::spawn(async move { database.write(Insert(number)).await })
    };
    let first: Vec<_> = (1..=20).map(insert).collect();
    until(|| database.statistics().queued == 20).await;
    held.execute_batch("COMMIT").unwrap();
    for write in first {
        write.await.unwrap().unwrap();
    }
    assert!(database.statistics().commits - before <= 2);

    let held = hold(&test.path());
    let second: Vec<_> = [21, 1, 22].map(insert).into();
    until(|| database.statistics().queued == 3).await;
    held.execute_batch("COMMIT").unwrap();
    let mut failed = 0;
    for write in second {
        failed += usize::from(write.await.unwrap().is_err());
    }
    assert_eq!(failed, 1);
    assert_eq!(database.read(count).await, Ok(23));
    database.close().await.unwrap();
    let commits = usize::try_from(database.statistics().commits).unwrap();
    assert_eq!(test.counts.committed.load(Ordering::SeqCst), commits);
    assert!(test.counts.groups.load(Ordering::SeqCst) <= commits);
}

#[tokio::test]
async fn a_change_by_another_program_is_detected_by_the_next_write() {
    let test = Test::new();
    let database = test.open();
    let changes = || test.counts.file_changed.load(Ordering::SeqCst);
    for number in 0..3 {
        database.write(Insert(number)).await.unwrap();
        assert_eq!(database.read_inline(count).await, Ok(number + 1));
        database.write(Insert(number)).await.unwrap_err();
    }
    hold(&test.path()).execute_batch("COMMIT").unwrap();
    database.write(Insert(3)).await.unwrap();
    assert_eq!(changes(), 0, "nothing was changed by others");

    let other = Connection::open(test.path()).unwrap();
    other.execute("INSERT INTO numbers VALUES (100)", []).unwrap();
    assert_eq!(database.write(Insert(4)).await, Ok(6));
    assert_eq!(changes(), 1);
    assert_eq!(database.write(Insert(5)).await, Ok(7));
    assert_eq!(changes(), 1);
}

#[tokio::test]
async fn closing_releases_the_directory_and_ends_the_engine() {
    let test = Test::new();
    let database = test.open();
    database.write(Insert(1)).await.unwrap();
    let in_use = Lock::directory(test.folder.path()).unwrap_err();
    assert_eq!(in_use.kind, ErrorKind::InUse);
    assert!(in_use.message.contains(&format!("process {}", std::process::id())), "{in_use}");

    database.close().await.unwrap();
    assert_eq!(test.counts.dropped.load(Ordering::SeqCst), 1);
    assert_eq!(database.write(Insert(2)).await.unwrap_err().kind, ErrorKind::Closed);
    assert_eq!(database.read(count).await.unwrap_err().kind, ErrorKind::Closed);
    assert!(!test.folder.path().join("test.db-wal").exists());
    let reopened = test.open();
    assert_eq!(reopened.read(count).await, Ok(1));
}
