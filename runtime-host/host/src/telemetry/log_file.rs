//! The files in which the output of components is kept, in their own words.

use parking_lot::Mutex;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A longer file is renamed, and a new one begins: two of them are kept.
const LENGTH_MAX_BYTES: u64 = 64 << 20;
/// The extensions of the file and of the one before it.
const EXTENSION: &str = "txt";
const EARLIER_EXTENSION: &str = "1.txt";

/// A file to which all instances of a component append.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    has_failed: bool,
}

impl LogFile {
    /// Opens `name` in this folder, or creates it.
    pub(crate) fn open(folder: &Path, name: &str, truncate: bool) -> io::Result<Self> {
        let path = folder.join(name).with_added_extension(EXTENSION);
        if truncate {
            File::create(&path)?;
        }
        let file = append(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path, open: Mutex::new(Open { file, bytes, has_failed: false }) })
    }

    /// Appends output. A failure is logged once, and not the guest's concern.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let mut open = self.open.lock();
        match self.try_write(&mut open, bytes) {
            Ok(()) => open.has_failed = false,
            Err(_) if open.has_failed => {}
            Err(error) => {
                open.has_failed = true;
                let path = self.path.display();
                tracing::warn!("the output of a component can't be written to {path}: {error}");
            }
        }
    }

    fn try_write(&self, open: &mut Open, bytes: &[u8]) -> io::Result<()> {
        if open.bytes >= LENGTH_MAX_BYTES {
            fs::rename(&self.path, self.path.with_extension(EARLIER_EXTENSION))?;
            (open.file, open.bytes) = (append(&self.path)?, 0);
        }
        open.file.write_all(bytes)?;
        open.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_appended_to_a_file_that_is_replaced_when_it_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let file = |truncate| LogFile::open(folder.path(), "a.b_stdout", truncate).unwrap();
        file(false).write(b"one\n");
        let log = file(false);
        log.write(b"two\n");
        assert_eq!(read("a.b_stdout.txt"), "one\ntwo\n");
        log.open.lock().bytes = LENGTH_MAX_BYTES;
        log.write(b"three\n");
        assert_eq!(read("a.b_stdout.txt"), "three\n");
        assert_eq!(read("a.b_stdout.1.txt"), "one\ntwo\n");
        file(true);
        assert_eq!(read("a.b_stdout.txt"), "");
    }
}
