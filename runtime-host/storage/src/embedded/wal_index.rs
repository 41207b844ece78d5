//! How a commit by anybody is noticed without asking anybody.
//!
//! SQLite keeps the index of its write-ahead log in shared memory, and each commit, in whatever
//! process, counts up a number in it (<https://sqlite.org/walformat.html>, "iChange"): after the
//! log was synced, and before the transaction is visible to any reader. To compare that number
//! costs one load. `PRAGMA data_version` would tell the same for two locks and a thousand times
//! the time, and would leave nothing of the gain of a cache.

#![expect(unsafe_code, reason = "SQLite gives its shared memory as a pointer")]

use std::{
    ffi::{c_int, c_void},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
};

use rusqlite::{Connection, ffi};

/// The layout that this file knows; SQLite has had no other since it has logs.
const INDEX_VERSION: u32 = 3_007_000;

/// Bytes of one piece of the index, as SQLite asks its file system for them.
const REGION_BYTES: c_int = 32 * 1024;

/// Where in the header the number lies, in words of 32 bits.
const CHANGE_WORD: usize = 2;

/// The number of commits in the index of one database.
pub(super) struct ChangeCounter {
    header: NonNull<AtomicU32>,
}

// SAFETY: it is memory that other processes write to, read by atomic loads only.
unsafe impl Send for ChangeCounter {}
// SAFETY: as above.
unsafe impl Sync for ChangeCounter {}

impl ChangeCounter {
    /// The counter of the main database of a connection, which is in WAL mode and has read
    /// something. `None` where it does not have the form that is known here.
    pub(super) fn of(connection: &Connection) -> Option<Self> {
        // SAFETY: the handle is open as long as the connection is borrowed, and nobody else uses
        // it meanwhile: a `Connection` is not `Sync`.
        let header = unsafe { map_index(connection.handle()) }?;
        let counter = Self { header: header.cast() };
        // SAFETY: just mapped, and the connection is still open.
        let version = unsafe { counter.word(0) };
        (version == INDEX_VERSION).then_some(counter)
    }

    /// What it is now: every commit that anybody has read from is in it.
    ///
    /// # Safety
    ///
    /// The connection that it was made from is open. SQLite unmaps the index with the last
    /// connection of the process.
    pub(super) unsafe fn read(&self) -> u32 {
        // SAFETY: as promised by the caller.
        unsafe { self.word(CHANGE_WORD) }
    }

    /// # Safety
    ///
    /// As for [`read`](Self::read), and the word is in the header.
    unsafe fn word(&self, word: usize) -> u32 {
        // SAFETY: the index is page-aligned and larger than its header, so the word is in it and
        // aligned, and it is mapped as promised by the caller.
        unsafe { self.header.add(word).as_ref() }.load(Ordering::Acquire)
    }
}

/// The first piece of the index, through the same door that SQLite itself uses: a mapping of our
/// own would need a descriptor, and closing that would give up the locks of the whole process.
///
/// # Safety
///
/// `database` is an open handle that no other thread uses meanwhile.
unsafe fn map_index(database: *mut ffi::sqlite3) -> Option<NonNull<c_void>> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the handle is open, the name is a C string, and the operation writes one pointer.
    let found = unsafe {
        let out = (&raw mut file).cast();
        ffi::sqlite3_file_control(database, c"main".as_ptr(), ffi::SQLITE_FCNTL_FILE_POINTER, out)
    };
    if found != ffi::SQLITE_OK || file.is_null() {
        return None;
    }
    // SAFETY: SQLite gave a file of its own; one that is not open has no methods.
    let methods = unsafe { (*file).pMethods.as_ref() }?;
    let map = methods.xShmMap.filter(|_| methods.iVersion >= 2)?;
    let mut region = ptr::null_mut();
    // SAFETY: the first region exists since the connection has read something; 0 creates none.
    let mapped = unsafe { map(file, 0, REGION_BYTES, 0, &raw mut region) };
    if mapped == ffi::SQLITE_OK { NonNull::new(region) } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn open(folder: &std::path::Path) -> Connection {
        let connection = Connection::open(folder.join("test.db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = wal").unwrap();
        connection
    }

    #[test]
    fn each_commit_of_any_connection_counts_one() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (open(folder.path()), open(folder.path()));
        one.execute_batch("CREATE TABLE numbers (number)").unwrap();
        let counter = ChangeCounter::of(&one).unwrap();
        // SAFETY: `one` is open until the end.
        let read = || unsafe { counter.read() };
        let start = read();
        one.execute("INSERT INTO numbers VALUES (1)", []).unwrap();
        assert_eq!(read(), start + 1);
        two.execute("INSERT INTO numbers VALUES (2)", []).unwrap();
        assert_eq!(read(), start + 2);

        two.execute_batch("BEGIN IMMEDIATE; INSERT INTO numbers VALUES (3); ROLLBACK").unwrap();
        one.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
        one.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert_eq!(read(), start + 2, "what changes nothing counts nothing");
        one.execute("UPDATE numbers SET number = 4 WHERE number = 1", []).unwrap();
        assert_eq!(read(), start + 3, "the count goes on in a new log");
    }

    #[test]
    fn a_database_without_a_log_has_no_counter() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE numbers (number)").unwrap();
        assert!(ChangeCounter::of(&connection).is_none());
    }
}
