//! Room in the write-ahead log, taken before it is needed.
//!
//! A commit that makes a file longer syncs the length of it, too, which costs a journal entry of
//! the file system: twice the time of a commit that overwrites what is there. SQLite reuses its
//! log from the start, but only once it has grown to its full size. So it is made longer in
//! large steps, and the sync of one commit pays for many.
//!
//! What lies behind the last commit is never read: a frame counts by its salt and checksum.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

/// The log is made longer by this many bytes, at least and at most; in between, twofold.
const STEP_BYTES_MIN: u64 = 64 * 1024;
const STEP_BYTES_MAX: u64 = 1024 * 1024;

/// The log of one database. Holds it open: SQLite removes it with the last connection only.
pub(super) struct LogSpace {
    log: Option<File>,
    /// Its length when it was last looked at.
    bytes: u64,
    bytes_max: u64,
}

impl LogSpace {
    /// Takes none beyond `bytes_max`. Without an open log, it does nothing.
    pub(super) fn of(database: &Path, bytes_max: u64) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let log = OpenOptions::new().write(true).open(path).ok();
        Self { log, bytes: 0, bytes_max }
    }

    /// To be called with the write lock of the database, before anything is written: whoever
    /// else appends to the log would lose what they wrote.
    pub(super) fn reserve(&mut self) {
        // A disk without room is found out by the commit.
        drop(self.lengthen());
    }

    fn lengthen(&mut self) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let bytes = log.metadata()?.len();
        let has_grown = bytes > self.bytes;
        self.bytes = bytes;
        if has_grown && bytes < self.bytes_max {
            let step = bytes.clamp(STEP_BYTES_MIN, STEP_BYTES_MAX).min(self.bytes_max - bytes);
            log.write_all_at(&vec![0; step as usize], bytes)?;
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
    fn a_log_that_has_grown_gets_room_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("test.db");
        let log = folder.path().join("test.db-wal");
        fs::write(&log, [1; 100]).unwrap();
        let length = || fs::metadata(&log).unwrap().len();
        let mut space = LogSpace::of(&database, 3 * STEP_BYTES_MIN);
        space.reserve();
        assert_eq!(length(), 100 + STEP_BYTES_MIN);
        space.reserve();
        assert_eq!(length(), 100 + STEP_BYTES_MIN, "there is room left");
        for _ in 0..3 {
            File::options()
                .append(true)
                .open(&log)
                .and_then(|log| log.set_len(length() + 1))
                .unwrap();
            space.reserve();
        }
        assert_eq!(length(), 3 * STEP_BYTES_MIN + 1);
        assert_eq!(&fs::read(&log).unwrap()[..100], [1; 100], "what was there stays");
        LogSpace::of(&folder.path().join("other.db"), 1).reserve();
        assert!(!folder.path().join("other.db-wal").exists());
    }
}
