//! Code that the manifest names by a URL: it is downloaded once, and kept by its digest.
//!
//! The digest is checked after each download, and each time when the file is used: it may be
//! damaged. After that, the source of a component is a local file, and the rest of the host knows
//! no other.

use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::private_file;
use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tessera_manifest::{App, Component, Provider, Source};
use tokio::time::timeout;

/// Maximum size of one download.
const DOWNLOAD_MAX_BYTES: usize = 128 * 1024 * 1024;
/// How long one download may take.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Downloads at the same time.
const DOWNLOADS_MAX: usize = 4;
/// What all downloads may have together; beyond it, those go that were not used for the longest
/// time.
const KEPT_MAX_BYTES: u64 = 4 << 30;
const FOLDER_MODE: u32 = 0o700;
const EXTENSION: &str = "wasm";

/// A download: who needs it, and its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    by: String,
    url: String,
}

/// Downloads what the application needs, and makes it local.
pub(super) async fn fetch(app: &mut App, cache_dir: &Path) -> anyhow::Result<()> {
    let mut wanted = BTreeMap::new();
    each_source(app, |by, source| {
        if let Source::Remote { url, digest } = source {
            let by = by.to_owned();
            wanted.entry(digest.clone()).or_insert(Wanted { by, url: url.clone() });
        }
    });
    if wanted.is_empty() {
        return Ok(());
    }
    let kept = Downloads::open(cache_dir)?;
    let client = Client::new(None, &OutboundPolicy::default())?;
    let jobs = wanted.into_iter().map(|(digest, wanted)| kept.get(&client, digest, wanted));
    let jobs = futures::stream::iter(jobs).buffer_unordered(DOWNLOADS_MAX);
    let files: BTreeMap<String, PathBuf> = jobs.try_collect().await?;
    kept.make_room(&files, KEPT_MAX_BYTES);
    each_source(app, |_, source| {
        if let Source::Remote { digest, .. } = source
            && let Some(file) = files.get(digest)
        {
            *source = Source::Local(file.clone());
        }
    });
    Ok(())
}

/// All sources of components that this host runs, with a name of who has it.
fn each_source(app: &mut App, mut visit: impl FnMut(&str, &mut Source)) {
    let run_here = |component: &&mut Component| {
        component.settings.bridges.is_none() && !component.settings.stock_only
    };
    for component in app.components.values_mut().filter(run_here) {
        visit(&format!("`{}`", component.id), &mut component.source);
        for dependency in &mut component.dependencies {
            let by = format!("the dependency `{}` of `{}`", dependency.import, component.id);
            if let Provider::Source { source, .. } = &mut dependency.provider {
                visit(&by, source);
            }
        }
    }
    for middleware in app.http.iter_mut().flat_map(|trigger| &mut trigger.middleware) {
        if let Provider::Source { source, .. } = &mut middleware.provider {
            visit(&format!("`{}`", middleware.written_at), source);
        }
    }
}

/// The folder with the downloads: a file for each digest.
struct Downloads(PathBuf);

impl Downloads {
    fn open(cache_dir: &Path) -> anyhow::Result<Self> {
        let folder = cache_dir.join("downloads");
        let created = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        created.with_context(|| format!("{} can't be created", folder.display()))?;
        Ok(Self(folder))
    }

    /// The file of a download, and its digest.
    async fn get(
        &self,
        client: &Client,
        digest: String,
        wanted: Wanted,
    ) -> anyhow::Result<(String, PathBuf)> {
        let file = self.path(&digest);
        let Wanted { by, url } = wanted;
        if is_kept(&file, &digest) {
            return Ok((digest, file));
        }
        tracing::info!("downloading {url}");
        let download = timeout(DOWNLOAD_TIMEOUT, client.download(&url, DOWNLOAD_MAX_BYTES)).await;
        let seconds = DOWNLOAD_TIMEOUT.as_secs();
        let download = download.with_context(|| format!("it takes more than {seconds} s"));
        let bytes = download.flatten().with_context(|| {
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
        private_file::write(&file, bytes)?;
        Ok((digest, file))
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.0.join(digest.replace(':', "-")).with_extension(EXTENSION)
    }

    /// Removes what was not used for the longest time, but none of `needed`.
    fn make_room(&self, needed: &BTreeMap<String, PathBuf>, bytes_max: u64) {
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
            if !needed.values().any(|needed| *needed == file) && fs::remove_file(&file).is_ok() {
                bytes -= length;
            }
        }
    }
}

/// Whether the file has this digest. Notes that it was used.
fn is_kept(file: &Path, digest: &str) -> bool {
    let Ok(bytes) = fs::read(file) else { return false };
    if digest_of(&bytes) != digest {
        tracing::warn!("{} is damaged, and is downloaded again", file.display());
        return false;
    }
    // The time of its last use; without it, it may have to be downloaded again.
    #[expect(clippy::disallowed_methods, reason = "file systems store dates")]
    let _ = File::open(file).and_then(|file| file.set_modified(SystemTime::now()));
    true
}

/// As in manifests.
fn digest_of(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "file systems store dates")]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = Downloads::open(folder.path()).unwrap();
        let now = SystemTime::now();
        let keep = |name: &str, age: u64| {
            let path = downloads.path(name);
            fs::write(&path, [0; 10]).unwrap();
            let age = Duration::from_secs(age);
            File::options().append(true).open(&path).unwrap().set_modified(now - age).unwrap();
            path
        };
        let (needed, old, young) = (keep("a", 30), keep("b", 20), keep("c", 10));
        let all = BTreeMap::from([("a".to_owned(), needed.clone())]);
        downloads.make_room(&all, 30);
        assert!(old.exists());
        downloads.make_room(&all, 20);
        assert!(needed.exists() && !old.exists() && young.exists());
    }

    #[test]
    fn sources_of_components_dependencies_and_middleware_are_downloaded() {
        let remote = |name: &str| {
            let digest = digest_of(name.as_bytes());
            format!("{{ url = \"http://a.example/{name}\", digest = \"{digest}\" }}")
        };
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"x\"\n\
             [[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n\
             dependencies.middleware = [{}]\n[component.a]\nsource = {}\n\
             dependencies.\"b:b/b\" = {}\n\
             [component.bridge]\nsource = {}\ntool.tessera.bridges = \"host\"\n",
            remote("middleware"),
            remote("component"),
            remote("dependency"),
            remote("bridge"),
        );
        let path = Path::new("/app/spin.toml");
        let mut app = tessera_manifest::parse(path, &manifest).unwrap();
        let mut found = Vec::new();
        each_source(&mut app, |_, source| match source {
            Source::Remote { url, .. } => found.push(url.replace("http://a.example/", "")),
            _ => panic!("{source:?}"),
        });
        assert_eq!(found, ["component", "dependency", "middleware"]);
    }

    #[test]
    fn a_damaged_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wasm");
        let digest = digest_of(b"code");
        assert!(!is_kept(&file, &digest));
        fs::write(&file, b"code").unwrap();
        assert!(is_kept(&file, &digest));
        fs::write(&file, b"Code").unwrap();
        assert!(!is_kept(&file, &digest));
    }
}
