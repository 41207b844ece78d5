//! The folder with the downloads: a file for each digest.
//!
//! The digest is checked after each download, and each time when the file is used: it may be
//! damaged.

use super::DOWNLOAD_MAX_BYTES;
use crate::capabilities::outbound_http::Client;
use crate::oci::digest_of;
use crate::private_file;
use anyhow::{Context as _, ensure};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const FOLDER_MODE: u32 = 0o700;
const EXTENSION: &str = "wasm";

/// The folder with the downloads.
pub(in crate::application) struct Downloads(PathBuf);

impl Downloads {
    pub(in crate::application) fn open(cache_dir: &Path) -> anyhow::Result<Self> {
        let folder = cache_dir.join("downloads");
        let created = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        created.with_context(|| format!("{} can't be created", folder.display()))?;
        Ok(Self(folder))
    }

    /// The file of a URL.
    pub(in crate::application) async fn get(
        &self,
        client: &Client,
        digest: &str,
        url: &str,
        by: &str,
    ) -> anyhow::Result<PathBuf> {
        if let Some(file) = self.kept(digest) {
            return Ok(file);
        }
        tracing::info!("downloading {url}");
        let bytes = client.download(url, DOWNLOAD_MAX_BYTES).await.with_context(|| {
            format!(
                "the source of {by}, {url}, can't be downloaded. Check the URL and the network \
                 connection, or download the file and write its path instead"
            )
        })?;
        let found = digest_of(&bytes);
        ensure!(
            found == digest,
            "the source of {by}, {url}, has the digest {found}, and the manifest expects {digest}. \
             If you trust the new content, change the `digest` in the manifest"
        );
        self.keep(digest, &bytes)
    }

    /// The file with this digest, if it is here and not damaged. Notes that it was used.
    pub(in crate::application) fn kept(&self, digest: &str) -> Option<PathBuf> {
        let file = self.path(digest);
        let bytes = fs::read(&file).ok()?;
        if digest_of(&bytes) != digest {
            tracing::warn!("{} is damaged, and is downloaded again", file.display());
            return None;
        }
        // The time of its last use; without it, it may have to be downloaded again.
        #[expect(clippy::disallowed_methods, reason = "file systems store dates")]
        let _ = File::open(&file).and_then(|file| file.set_modified(SystemTime::now()));
        Some(file)
    }

    /// Keeps the content with this digest.
    pub(in crate::application) fn keep(
        &self,
        digest: &str,
        bytes: &[u8],
    ) -> anyhow::Result<PathBuf> {
        let file = self.path(digest);
        private_file::write(&file, bytes)?;
        Ok(file)
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.0.join(digest.replace(':', "-")).with_extension(EXTENSION)
    }

    /// Removes what was not used for the longest time, but none of `needed`.
    pub(in crate::application) fn make_room(&self, needed: &BTreeSet<PathBuf>, bytes_max: u64) {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, length, file) in files {
            if bytes <= bytes_max {
                return;
            }
            if !needed.contains(&file) && fs::remove_file(&file).is_ok() {
                bytes -= length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "file systems store dates")]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = Downloads::open(folder.path()).unwrap();
        let now = SystemTime::now();
        let keep = |name: &str, age: u64| {
            let path = downloads.keep(name, &[0; 10]).unwrap();
            let age = Duration::from_secs(age);
            File::options().append(true).open(&path).unwrap().set_modified(now - age).unwrap();
            path
        };
        let (needed, old, young) = (keep("a", 30), keep("b", 20), keep("c", 10));
        let all = BTreeSet::from([needed.clone()]);
        downloads.make_room(&all, 30);
        assert!(old.exists());
        downloads.make_room(&all, 20);
        assert!(needed.exists() && !old.exists() && young.exists());
    }

    #[test]
    fn a_damaged_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = Downloads::open(folder.path()).unwrap();
        let digest = digest_of(b"code");
        assert_eq!(downloads.kept(&digest), None);
        let file = downloads.keep(&digest, b"code").unwrap();
        assert_eq!(downloads.kept(&digest).as_ref(), Some(&file));
        fs::write(&file, b"Code").unwrap();
        assert_eq!(downloads.kept(&digest), None);
    }
}
