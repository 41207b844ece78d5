//! Compiled code between runs: a file per component and compiler.
//!
//! At startup these files are mapped instead of read: a function that is not called uses hardly any
//! memory, and the operating system can drop and share the pages of others. (wasmtime's own cache
//! compresses its files, so all code would be in memory.)
//!
//! Machine code is not validated, so the folder and its files belong to the host's user alone, and
//! a file gets its name only when all of it is on the disk. Files can also be damaged: each file
//! has a checksum file, which is verified before the code runs. Code without a correct checksum is
//! compiled again.

use crate::private_file;
use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wasmtime::component::Component;
use xxhash_rust::xxh3::Xxh3;

/// The mode of the folder, and the permission bits that no other user may have.
const FOLDER_MODE: u32 = 0o700;
const OTHERS_MAY_WRITE: u32 = 0o022;
/// What all files may have together; beyond it, those go that were not used for the longest time.
const BYTES_MAX: u64 = 4 << 30;
const EXTENSION: &str = "cwasm";
/// The extension of checksum files.
const CHECKSUM_EXTENSION: &str = "xxh3";
/// How much of a file is read at a time for its checksum, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// The folder, and whose code it is.
#[derive(Debug, Clone)]
pub(crate) struct CodeCache {
    folder: PathBuf,
    /// Of everything that decides what code looks like: version, settings, processor.
    compiler: u64,
}

impl CodeCache {
    /// The cache in `folder/code`, which is made if it is not there.
    pub(crate) fn open(folder: &Path, engine: &wasmtime::Engine) -> anyhow::Result<Self> {
        let folder = folder.join("code");
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
        let data = fs::metadata(&folder)?;
        ensure!(
            data.uid() == rustix::process::geteuid().as_raw(),
            "its directory `code` belongs to another user, who could make the host run their code: \
             choose another one with --cache-dir"
        );
        ensure!(
            data.mode() & OTHERS_MAY_WRITE == 0,
            "others may write to it, and so could have the host run their code: `chmod go-w` it"
        );
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder, compiler: hasher.finish() })
    }

    /// The code of a component: from its file if there is one, else compiled, and kept if that
    /// is possible. `compiling` is called before it is compiled.
    pub(crate) fn code(
        &self,
        engine: &wasmtime::Engine,
        bytes: &[u8],
        compiling: impl FnOnce(),
    ) -> wasmtime::Result<Component> {
        let path = self.path(bytes);
        if let Some(component) = find(engine, &path) {
            return Ok(component);
        }
        compiling();
        let code = engine.precompile_component(bytes)?;
        match Self::keep(&path, &code) {
            Ok(()) => self.make_room(&path, BYTES_MAX),
            Err(error) => tracing::warn!("compiled code can't be kept: {error:#}"),
        }
        find(engine, &path).map_or_else(|| from_memory(engine, &code), Ok)
    }

    fn path(&self, bytes: &[u8]) -> PathBuf {
        let mut name = String::new();
        for byte in Sha256::digest(bytes) {
            // Writing to memory does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        self.folder.join(format!("{name}-{:016x}.{EXTENSION}", self.compiler))
    }

    fn keep(path: &Path, code: &[u8]) -> anyhow::Result<()> {
        let mut hash = Xxh3::new();
        hash.update(code);
        // From here on, an existing file does not match and is not used.
        private_file::write(&checksum_path(path), text_of(&hash))?;
        private_file::write(path, code)
    }

    /// Removes what was not used for the longest time, but not `newest`.
    fn make_room(&self, newest: &Path, bytes_max: u64) {
        let mut files = files(&self.folder);
        files.sort_by_key(|file| file.used);
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files.iter().filter(|file| file.path != newest) {
            if bytes <= bytes_max {
                return;
            }
            // Hosts that have mapped it keep what they have.
            if fs::remove_file(&file.path).is_ok() {
                // A checksum file that stays is replaced together with its code.
                let _ = fs::remove_file(checksum_path(&file.path));
                bytes -= file.bytes;
            }
        }
    }
}

/// One of the files.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn files(folder: &Path) -> Vec<Kept> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = entries.filter_map(|entry| {
        let (path, data) = (entry.path(), entry.metadata().ok()?);
        let is_code = path.extension().is_some_and(|extension| extension == EXTENSION);
        is_code.then_some(Kept { path, bytes: data.len(), used: data.modified().ok()? })
    });
    kept.collect()
}

fn find(engine: &wasmtime::Engine, path: &Path) -> Option<Component> {
    let file = File::open(path).ok()?;
    if let Err(error) = check(&file, path) {
        tracing::warn!("{} is not used and will be replaced: {error:#}", path.display());
        return None;
    }
    #[expect(unsafe_code, reason = "machine code is run as it is")]
    // SAFETY: the file was written by this program, whole before it had its name, into a folder
    // where no other user may write, and is unchanged; wasmtime compares the compiler's version and
    // settings.
    let component = unsafe { Component::deserialize_file(engine, path) };
    match component {
        Ok(component) => {
            // The time of its last use; without it, it may have to be compiled again.
            #[expect(clippy::disallowed_methods, reason = "file systems store dates")]
            let _ = file.set_modified(SystemTime::now());
            Some(component)
        }
        Err(error) => {
            tracing::warn!("{} is unusable and will be replaced: {error:#}", path.display());
            None
        }
    }
}

/// Fails if another user may have written the file, or if it was changed.
fn check(file: &File, path: &Path) -> anyhow::Result<()> {
    let data = file.metadata()?;
    ensure!(data.uid() == rustix::process::geteuid().as_raw(), "it belongs to another user");
    ensure!(data.mode() & OTHERS_MAY_WRITE == 0, "others may write to it");
    let expected = fs::read_to_string(checksum_path(path)).context("it has no checksum")?;
    let hash = hash(file)?;
    ensure!(text_of(&hash) == expected.trim(), "it is damaged: its checksum does not match");
    Ok(())
}

fn hash(mut file: &File) -> io::Result<Xxh3> {
    let (mut hash, mut part) = (Xxh3::new(), vec![0; READ_BYTES]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hash),
            length => hash.update(&part[..length]),
        }
    }
}

fn text_of(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

fn checksum_path(path: &Path) -> PathBuf {
    path.with_extension(CHECKSUM_EXTENSION)
}

fn from_memory(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[expect(unsafe_code, reason = "machine code is run as it is")]
    // SAFETY: this engine has just made it.
    unsafe {
        Component::deserialize(engine, code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
    use std::time::Duration;

    const EMPTY: &[u8] = b"(component)";

    fn cache() -> (tempfile::TempDir, wasmtime::Engine, CodeCache) {
        let (folder, engine) = (tempfile::tempdir().unwrap(), wasmtime::Engine::default());
        let cache = CodeCache::open(folder.path(), &engine).unwrap();
        (folder, engine, cache)
    }

    #[test]
    fn code_is_compiled_once() {
        let (_folder, engine, cache) = cache();
        cache.code(&engine, EMPTY, || {}).unwrap();
        let path = cache.path(EMPTY);
        let written = fs::read(&path).unwrap();
        assert!(find(&engine, &path).is_some());
        cache.code(&engine, EMPTY, || {}).unwrap();
        assert_eq!(fs::read(&path).unwrap(), written);
        assert_eq!(files(&cache.folder).len(), 1);
    }

    #[test]
    fn a_file_that_is_no_code_is_replaced() {
        let (_folder, engine, cache) = cache();
        let path = cache.path(EMPTY);
        fs::write(&path, b"nonsense").unwrap();
        cache.code(&engine, EMPTY, || {}).unwrap();
        assert!(find(&engine, &path).is_some());
    }

    #[test]
    fn a_flipped_byte_is_detected_at_any_position() {
        let (_folder, engine, cache) = cache();
        cache.code(&engine, EMPTY, || {}).unwrap();
        let path = cache.path(EMPTY);
        let good = fs::read(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        for place in (0..good.len()).step_by(good.len() / 50 + 1) {
            file.write_all_at(&[good[place] ^ 0x40], place as u64).unwrap();
            assert!(find(&engine, &path).is_none(), "at {place}");
            file.write_all_at(&good[place..=place], place as u64).unwrap();
        }
        assert!(find(&engine, &path).is_some());
        file.write_all_at(&[good[0] ^ 1], 0).unwrap();
        cache.code(&engine, EMPTY, || {}).unwrap();
        assert!(find(&engine, &path).is_some(), "it was compiled again");
    }

    #[test]
    fn code_that_others_may_write_to_or_that_has_no_checksum_is_not_used() {
        let (_folder, engine, cache) = cache();
        cache.code(&engine, EMPTY, || {}).unwrap();
        let path = cache.path(EMPTY);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).unwrap();
        assert!(find(&engine, &path).is_none());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(find(&engine, &path).is_some());
        fs::remove_file(checksum_path(&path)).unwrap();
        assert!(find(&engine, &path).is_none());
    }

    #[test]
    fn code_that_can_not_be_kept_still_runs() {
        let (folder, engine, cache) = cache();
        drop(folder);
        cache.code(&engine, EMPTY, || {}).unwrap();
    }

    #[test]
    fn another_compiler_has_other_code() {
        let (_folder, _, cache) = cache();
        let other = CodeCache { compiler: cache.compiler + 1, ..cache.clone() };
        assert_ne!(cache.path(EMPTY), other.path(EMPTY));
        assert_ne!(cache.path(EMPTY), cache.path(b"(component )"));
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let (folder, engine, cache) = cache();
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o770)).unwrap();
        let refusal = CodeCache::open(folder.path(), &engine).unwrap_err().to_string();
        assert!(refusal.contains("chmod go-w"), "{refusal}");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "file systems store dates")]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let (_folder, _, cache) = cache();
        let now = SystemTime::now();
        let file = |name: &str, age: u64| {
            let path = cache.folder.join(format!("{name}.{EXTENSION}"));
            fs::write(&path, [0; 10]).unwrap();
            File::open(&path).unwrap().set_modified(now - Duration::from_secs(age)).unwrap();
            path
        };
        let (old, newest, young) = (file("old", 20), file("newest", 30), file("young", 10));
        cache.make_room(&newest, 30);
        assert!(old.exists());
        cache.make_room(&newest, 20);
        assert!(!old.exists() && young.exists() && newest.exists());
    }
}
