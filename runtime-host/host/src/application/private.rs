//! Only the host's own user may read what the host keeps. Among it are the keys that sign tokens,
//! and the data of customers.

use anyhow::Context as _;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Rights of the state folder, and of the files in it.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Rights of users other than the owner.
const OF_OTHERS: u32 = 0o077;
/// A folder like `/tmp`, which is for all users.
const STICKY: u32 = 0o1000;
/// What SQLite keeps beside a database file.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// Makes the state folder, or takes rights away from one that is there and from the files in it.
pub(super) fn state_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(FOLDER_MODE).create(folder);
    made.with_context(|| format!("can't make the state directory {}", folder.display()))?;
    close(folder, FOLDER_MODE);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            close(&entry.path(), FILE_MODE);
        }
    }
    Ok(())
}

/// The same for a database outside of the state folder.
pub(super) fn database(path: &Path) {
    for companion in COMPANIONS {
        let mut name = path.as_os_str().to_owned();
        name.push(companion);
        close(&PathBuf::from(name), FILE_MODE);
    }
}

/// Takes rights away from something that is there, and says so where that is not possible.
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
            tracing::warn!("others may read {path}, and that can't be changed: {error}");
        }
        _ => {}
    }
}

/// Keeps everything that this process makes from now on from others.
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
    fn what_is_there_is_closed_and_what_is_for_all_is_left_alone() {
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
