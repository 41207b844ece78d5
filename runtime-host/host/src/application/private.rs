//! Only the host's own user may read the state of the host, which includes signing keys and
//! customer data.

use anyhow::Context as _;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The mode of the state directory. Files in it are as private.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The permission bits of other users.
const OF_OTHERS: u32 = 0o077;
/// The sticky bit: a shared directory like `/tmp`.
const STICKY: u32 = 0o1000;
/// The suffixes of SQLite's files for one database.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// Creates the state directory, or removes the permissions of other users from an existing one and
/// its files.
pub(super) fn state_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(FOLDER_MODE).create(folder);
    made.with_context(|| format!("can't create the state directory {}", folder.display()))?;
    close(folder, FOLDER_MODE);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            close(&entry.path(), FILE_MODE);
        }
    }
    Ok(())
}

/// The same for a database outside of the state directory.
pub(super) fn database(path: &Path) {
    for companion in COMPANIONS {
        let mut name = path.as_os_str().to_owned();
        name.push(companion);
        close(&PathBuf::from(name), FILE_MODE);
    }
}

/// Removes permissions from an existing file or directory, and logs a failure.
fn close(path: &Path, mode: u32) {
    let closed = fs::symlink_metadata(path).and_then(|data| {
        let is_for_all = data.is_dir() && data.mode() & STICKY != 0;
        if data.mode() & OF_OTHERS == 0 || is_for_all || data.is_symlink() {
            return Ok(());
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
    });
    match closed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let path = path.display();
            tracing::warn!(
                "other users may be able to read {path}; its permissions can't be changed: {error}"
            );
        }
        _ => {}
    }
}

/// Makes all files that this process creates from now on private.
pub(crate) fn keep_to_ourselves() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(OF_OTHERS));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn existing_files_become_private_and_shared_directories_stay() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
        for name in ["identity.db", "identity.db-wal", "events.db"] {
            fs::write(state.join(name), "").unwrap();
            fs::set_permissions(state.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        state_folder(&state).unwrap();
        assert_eq!(mode(&state), 0o700);
        for name in ["identity.db", "identity.db-wal", "events.db"] {
            assert_eq!(mode(&state.join(name)), 0o600, "{name}");
        }

        let elsewhere = folder.path().join("x.db");
        fs::write(&elsewhere, "").unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o664)).unwrap();
        database(&elsewhere);
        assert_eq!(mode(&elsewhere), 0o600);

        fs::set_permissions(&state, Permissions::from_mode(0o1777)).unwrap();
        state_folder(&state).unwrap();
        assert_eq!(mode(&state), 0o1777);
    }
}
