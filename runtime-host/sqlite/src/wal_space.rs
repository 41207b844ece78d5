//! Space in the write-ahead log, allocated before it is needed.
//!
//! A commit that extends a file also syncs its new length, which costs a journal entry of the file
//! system: twice the time of a commit that overwrites existing bytes. SQLite reuses its log from
//! the start, but only after it has grown to its full size. So it is extended in large steps, and
//! the sync of one commit pays for many.
//!
//! SQLite never reads what lies behind the last commit: a frame is valid by its salt and checksum.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use crate::paths::with_suffix;

/// The size of the log that is allocated in advance: what it grows to between two checkpoints.
const RESERVED_BYTES_MAX: u64 = 34 * 1024 * 1024;

/// The smallest and the largest step by which the log is extended; in between, it doubles.
const STEP_BYTES_MIN: u64 = 64 * 1024;
const STEP_BYTES_MAX: u64 = 1024 * 1024;

/// The log of one database. It is kept open: SQLite removes it only with the last connection.
pub(crate) struct WalSpace {
    wal: Option<File>,
    /// Its length when it was last read.
    bytes: u64,
    bytes_max: u64,
}

impl WalSpace {
    /// The log of a database. Without a log, nothing is allocated.
    pub(crate) fn of(database: &Path) -> Self {
        Self::up_to(database, RESERVED_BYTES_MAX)
    }

    fn up_to(database: &Path, bytes_max: u64) -> Self {
        let wal = OpenOptions::new().write(true).open(with_suffix(database, "-wal")).ok();
        Self { wal, bytes: 0, bytes_max }
    }

    /// Allocates space if the log has grown. Requires the write lock of the database, before
    /// anything is written: otherwise it would overwrite what another connection appends.
    pub(crate) fn reserve(&mut self) {
        // A full disk is reported by the commit.
        drop(self.extend());
    }

    fn extend(&mut self) -> io::Result<()> {
        let Some(wal) = &self.wal else { return Ok(()) };
        let bytes = wal.metadata()?.len();
        let has_grown = bytes > self.bytes;
        self.bytes = bytes;
        if has_grown && bytes < self.bytes_max {
            let step = bytes.clamp(STEP_BYTES_MIN, STEP_BYTES_MAX).min(self.bytes_max - bytes);
            wal.write_all_at(&vec![0; step as usize], bytes)?;
            self.bytes = bytes + step;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    #[test]
    fn a_log_that_has_grown_is_extended_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("test.db");
        let wal = folder.path().join("test.db-wal");
        fs::write(&wal, [1; 100]).unwrap();
        let length = || fs::metadata(&wal).unwrap().len();
        let mut space = WalSpace::up_to(&database, 3 * STEP_BYTES_MIN);
        space.reserve();
        assert_eq!(length(), 100 + STEP_BYTES_MIN);
        space.reserve();
        assert_eq!(length(), 100 + STEP_BYTES_MIN, "there is space left");
        for _ in 0..3 {
            File::options()
                .append(true)
                .open(&wal)
                .and_then(|wal| wal.set_len(length() + 1))
                .unwrap();
            space.reserve();
        }
        assert_eq!(length(), 3 * STEP_BYTES_MIN + 1);
        assert_eq!(&fs::read(&wal).unwrap()[..100], [1; 100], "the content is unchanged");
        WalSpace::up_to(&folder.path().join("other.db"), 1).reserve();
        assert!(!folder.path().join("other.db-wal").exists());
    }
}
