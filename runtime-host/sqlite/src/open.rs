//! Opening a database file: pragmas, format, integrity check, migrations.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{Error, ErrorKind, Options, Result, integrity, paths::sync_parent};

/// Statements that are kept compiled per connection; engines have fewer different ones.
const STATEMENTS_MAX: usize = 64;

/// The write-ahead log is checkpointed when it has this many pages (usually of 4 KiB).
///
/// A page that was written ten times since the last checkpoint is copied once, and each checkpoint
/// costs two more fsyncs, during which all writers wait. The price of a long log is that it is read
/// when the file is opened after a crash: this one takes about 50 ms.
const CHECKPOINT_PAGES: i64 = 8_192;

/// The write-ahead log is truncated to this many bytes after a checkpoint.
const WAL_BYTES_KEPT_MAX: i64 = 64 * 1024 * 1024;

/// The page cache of the writer, in KiB. Memory is taken only as it is needed.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// The format of an engine's files.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// What a file is, for messages: "an event log".
    pub name: &'static str,
    /// The `application_id` of the files. `None` if another program also writes files of this
    /// format and does not set it.
    pub application_id: Option<i64>,
    /// The version that this program writes (`user_version`).
    pub version: i64,
    /// Brings a file from an older version (0 for a new file) to `version`, in a transaction.
    pub migrate: fn(&Connection, i64) -> rusqlite::Result<()>,
    /// The tables that are checked in files that are too large for a complete check.
    pub checked_tables: &'static [&'static str],
    /// Whether a damaged file can be opened, for reading.
    pub opens_damaged: bool,
    /// The name of the writer thread.
    pub thread_name: &'static str,
}

/// An open file, before its writer is started. The engine may set up its tables.
pub struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) thread_name: &'static str,
    pub(crate) damage: Option<Error>,
    /// The connection of the writer.
    pub connection: Connection,
}

/// Opens a file, creating it if it does not exist, and brings it to the version of the format.
///
/// # Errors
///
/// [`WrongFile`](ErrorKind::WrongFile), [`Incompatible`](ErrorKind::Incompatible) for a newer
/// version, [`Corrupt`](ErrorKind::Corrupt) unless the format opens damaged files, and failures of
/// SQLite and of the file system.
pub fn open(path: &Path, format: &Format, options: &Options) -> Result<Opened> {
    let explain = |error| Error::sqlite(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(path, flags, options).map_err(explain)?;
    check_format(path, format, &connection)?;
    if make_durable(&connection).map_err(explain)? != "wal" {
        let path = path.display();
        let message = format!("`{path}` is on a file system without shared memory; move it");
        return Err(Error::new(ErrorKind::Denied, message));
    }
    let damage = integrity::check(path, &connection, format.checked_tables)?;
    if let Some(damage) = damage.as_ref().filter(|_| !format.opens_damaged) {
        return Err(damage.clone());
    }
    migrate(&mut connection, format).map_err(explain)?;
    limit_size(&connection, options.database_bytes_max).map_err(explain)?;
    sync_parent(path)?;
    Ok(Opened { path: path.to_owned(), thread_name: format.thread_name, damage, connection })
}

/// Opens a connection that only reads. The file exists and has the current format.
pub(crate) fn open_reader(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags, options)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags, options: &Options) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Fails for a file of another program or of a newer version, before anything is written to it.
fn check_format(path: &Path, format: &Format, connection: &Connection) -> Result<()> {
    let explain = |error| Error::sqlite(path, &error);
    let (shown, known) = (path.display(), format.version);
    if let Some(expected) = format.application_id {
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(explain)?;
        let application = number(connection, "application_id").map_err(explain)?;
        if tables > 0 && application != expected {
            let message = format!("`{shown}` is not {}; choose another path", format.name);
            return Err(Error::new(ErrorKind::WrongFile, message));
        }
    }
    let version = number(connection, "user_version").map_err(explain)?;
    if version > known {
        let message = format!(
            "`{shown}` has format {version}, and this program supports formats up to {known}; \
             start the newer version that wrote it"
        );
        return Err(Error::new(ErrorKind::Incompatible, message));
    }
    Ok(())
}

/// Makes every commit wait for the disk, on macOS for its medium as well. Returns the journal mode.
fn make_durable(connection: &Connection) -> rusqlite::Result<String> {
    let ignored = |_: &rusqlite::Row<'_>| Ok(());
    let mode = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT_MAX, ignored)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, ignored)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    Ok(mode)
}

fn migrate(connection: &mut Connection, format: &Format) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = number(&transaction, "user_version")?;
    if version == format.version {
        return Ok(());
    }
    (format.migrate)(&transaction, version)?;
    if let Some(application_id) = format.application_id {
        transaction.pragma_update(None, "application_id", application_id)?;
    }
    transaction.pragma_update(None, "user_version", format.version)?;
    transaction.commit()
}

fn limit_size(connection: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    let page_bytes = number(connection, "page_size")?;
    let pages = i64::try_from(bytes_max).unwrap_or(i64::MAX) / page_bytes.max(1);
    // SQLite numbers pages with 32 bits and ignores a larger limit.
    let pages = pages.clamp(1, i64::from(u32::MAX) - 1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    const OPTIONS: Options = Options {
        database_bytes_max: 1024 * 1024,
        readers_max: 1,
        queue_length_max: 1,
        queue_bytes_max: 1,
        group_operations_max: 1,
        busy_timeout: Duration::from_secs(5),
    };

    const FORMAT: Format = Format {
        name: "a test",
        application_id: Some(7),
        version: 2,
        migrate: |connection, version| {
            connection.execute_batch("CREATE TABLE IF NOT EXISTS versions (version)")?;
            connection.execute("INSERT INTO versions VALUES (?1)", [version]).map(drop)
        },
        checked_tables: &[],
        opens_damaged: false,
        thread_name: "test",
    };

    fn refused(path: &Path, format: &Format) -> ErrorKind {
        let error = open(path, format, &OPTIONS).err().unwrap();
        assert!(error.message.contains("test.db"), "{error}");
        error.kind
    }

    #[test]
    fn every_commit_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&folder.path().join("test.db"), &FORMAT, &OPTIONS).unwrap();
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        assert_eq!(number(&opened.connection, "synchronous"), Ok(2), "FULL");
        assert_eq!(number(&opened.connection, "fullfsync"), Ok(1));
        assert_eq!(
            opened.connection.pragma_query_value(None, "journal_mode", mode),
            Ok("wal".into())
        );
    }

    #[test]
    fn a_file_is_migrated_once_from_each_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        for version in [2, 2, 3] {
            drop(open(&path, &Format { version, ..FORMAT }, &OPTIONS).unwrap());
        }
        let connection = Connection::open(&path).unwrap();
        let mut versions = connection.prepare("SELECT version FROM versions").unwrap();
        let versions = versions.query_map([], |row| row.get(0)).unwrap();
        assert_eq!(versions.collect::<Result<Vec<i64>, _>>(), Ok(vec![0, 2]));
        assert_eq!(refused(&path, &FORMAT), ErrorKind::Incompatible);
    }

    #[test]
    fn a_file_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        drop(open(&path, &FORMAT, &OPTIONS).unwrap());
        let other = Format { application_id: Some(8), ..FORMAT };
        assert_eq!(refused(&path, &other), ErrorKind::WrongFile);
        std::fs::write(&path, "text ".repeat(1_000)).unwrap();
        assert_eq!(refused(&path, &FORMAT), ErrorKind::WrongFile);
    }
}
