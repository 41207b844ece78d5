//! Files that only the host's user can read, replaced atomically.

use anyhow::{Context as _, anyhow};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Unguessable: 256 bits.
const SECRET_LENGTH_BYTES: usize = 32;
/// How the names of temporary files end; they begin with a dot.
const TEMPORARY_SUFFIX: &str = ".new";

/// A new secret, as hexadecimal digits.
pub(crate) fn random_secret() -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_LENGTH_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| anyhow!("the operating system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text of a file; none if there is no such file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// Replaces a file atomically and durably: a crash leaves the old content or the new one. It may
/// also leave a temporary file, which the next write overwrites.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let written = replace(path, content.as_ref(), File::sync_all);
    written
        .and_then(|()| sync_folder(path))
        .with_context(|| format!("{} can't be written", path.display()))
}

/// Replaces a file atomically. After a power cut it may be missing or damaged, until
/// [`make_durable`] has returned.
pub(crate) fn write_unsynced(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let written = replace(path, content.as_ref(), |_| Ok(()));
    written.with_context(|| format!("{} can't be written", path.display()))
}

/// Makes the content and the name of a file durable.
pub(crate) fn make_durable(path: &Path) -> anyhow::Result<()> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced
        .and_then(|()| sync_folder(path))
        .with_context(|| format!("{} can't be made durable", path.display()))
}

/// Removes the temporary files of writes that crashed. No write to the folder may be in progress.
pub(crate) fn remove_temporary(folder: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("{} can't be read", folder.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX) {
            fs::remove_file(&path)
                .with_context(|| format!("{} can't be removed", path.display()))?;
        }
    }
    Ok(())
}

/// `sync` makes the content durable before it gets its name: otherwise a power cut could leave the
/// name without the content.
fn replace(
    path: &Path,
    content: &[u8],
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary(path);
    let mut file = lock(&temporary)?;
    file.set_len(0)?;
    file.write_all(content)?;
    sync(&file)?;
    fs::rename(&temporary, path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // Without it, the new name may be gone after a power cut.
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Where the new content of a file is written: always at the same path, so that crashes do not leave
/// more and more files.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{TEMPORARY_SUFFIX}"))
}

/// Opens the temporary file, which only its owner can read, and waits for other writers of it.
fn lock(path: &Path) -> io::Result<File> {
    loop {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.lock()?;
        // Another writer may have given the file its final name in the meantime.
        let now = fs::metadata(path).map(|now| (now.dev(), now.ino())).ok();
        let own = file.metadata()?;
        if now == Some((own.dev(), own.ino())) {
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert_eq!(read(&path).unwrap(), None);
        for text in ["first", "second"] {
            write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap().as_deref(), Some(text));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_temporary_file_of_a_crashed_write_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(temporary(&path), "longer than the next content").unwrap();
        write(&path, "whole").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("whole"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn temporary_files_of_crashed_writes_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, "whole").unwrap();
        fs::write(temporary(&path), "half").unwrap();
        fs::write(folder.path().join("file.new"), "whole").unwrap();
        remove_temporary(folder.path()).unwrap();
        remove_temporary(&folder.path().join("none")).unwrap();
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["file.new", "secret"]);
    }

    #[test]
    fn concurrent_writes_leave_the_whole_content_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let contents: Vec<String> =
            "abcdefgh".chars().map(|c| c.to_string().repeat(10_000)).collect();
        std::thread::scope(|scope| {
            for content in &contents {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| write(path, content).unwrap()));
            }
        });
        assert!(contents.contains(&read(&path).unwrap().unwrap()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (one, other) = (random_secret().unwrap(), random_secret().unwrap());
        assert_eq!(one.len(), 2 * SECRET_LENGTH_BYTES);
        assert_ne!(one, other);
    }
}
