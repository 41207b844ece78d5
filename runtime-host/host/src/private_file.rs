//! Files in the state directory that hold secrets: for the host's user alone, and always whole.

use anyhow::{Context as _, anyhow};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Unguessable: 256 bits.
const SECRET_LENGTH_BYTES: usize = 32;
const MODE: u32 = 0o600;

/// A new secret, as hexadecimal digits.
pub(crate) fn random_secret() -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_LENGTH_BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| anyhow!("the operating system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text of a file; none if there is no such file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// Replace a file, durably. A crash leaves the old text or the new one.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    let new = folder.join(format!("{name}.new"));
    replace(folder, &new, &path, text)
        .with_context(|| format!("{} can't be written", path.display()))
}

fn replace(folder: &Path, new: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    // One that is left over may belong to another user, or be readable by others.
    match std::fs::remove_file(new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)?;
    // Without it the new name may be gone after a power cut.
    File::open(folder)?.sync_all()
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
        let left_over = folder.path().join("secret.new");
        std::fs::write(&left_over, "known").unwrap();
        std::fs::set_permissions(&left_over, std::fs::Permissions::from_mode(0o644)).unwrap();
        for text in ["first", "second"] {
            write(folder.path(), "secret", text).unwrap();
            assert_eq!(read(&path).unwrap().as_deref(), Some(text));
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert!(!left_over.exists());
    }

    #[test]
    fn secrets_are_long_and_differ() {
        let (one, other) = (random_secret().unwrap(), random_secret().unwrap());
        assert_eq!(one.len(), 2 * SECRET_LENGTH_BYTES);
        assert_ne!(one, other);
    }
}
