//! Which digests the versions of packages have that were downloaded before.

use super::Package;
use crate::oci::is_digest;
use crate::private_file;
use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use semver::Version;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

const FOLDER_MODE: u32 = 0o700;

/// A folder for each package, with a file for each version.
pub(super) struct KeptVersions(PathBuf);

impl KeptVersions {
    pub(super) fn new(cache_dir: &Path) -> Self {
        Self(cache_dir.join("packages"))
    }

    fn folder(&self, registry: &str, package: &Package) -> PathBuf {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (namespace, name) = package.parts();
        self.0.join(encoded(registry)).join(encoded(namespace)).join(encoded(name))
    }

    pub(super) fn digest(
        &self,
        registry: &str,
        package: &Package,
        version: &Version,
    ) -> Option<String> {
        let file = self.folder(registry, package).join(version.to_string());
        let digest = fs::read_to_string(file).ok()?;
        is_digest(&digest).then_some(digest)
    }

    pub(super) fn keep(
        &self,
        registry: &str,
        package: &Package,
        version: &Version,
        digest: &str,
    ) -> anyhow::Result<()> {
        let folder = self.folder(registry, package);
        let created = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        created.with_context(|| format!("{} can't be created", folder.display()))?;
        private_file::write(&folder.join(version.to_string()), digest)
    }

    /// The versions that fit, the newest first.
    pub(super) fn newest_first(&self, registry: &str, package: &Package) -> Vec<Version> {
        let entries = fs::read_dir(self.folder(registry, package)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut versions: Vec<Version> = names
            .filter_map(|name| Version::parse(&name).ok())
            .filter(|version| package.version.matches(version))
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        versions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest_of;

    #[test]
    fn versions_are_kept_for_each_registry_and_package() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptVersions::new(folder.path());
        let package = |name: &str, version: &str| Package {
            registry: None,
            name: name.to_owned(),
            version: version.parse().unwrap(),
        };
        let (one, digest) = (package("a:b", "1.9"), digest_of(b"code"));
        for version in ["1.9.0", "1.10.0", "2.0.0"] {
            kept.keep("a.example:1", &one, &version.parse().unwrap(), &digest).unwrap();
        }
        let newest = |registry: &str, package: &Package| {
            let found = kept.newest_first(registry, package);
            found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(newest("a.example:1", &one), "1.10.0 1.9.0");
        assert_eq!(newest("a.example:2", &one), "");
        assert_eq!(newest("a.example:1", &package("a:c", "*")), "");
        let version = Version::new(2, 0, 0);
        assert_eq!(kept.digest("a.example:1", &one, &version), Some(digest));
        assert_eq!(kept.digest("..", &one, &version), None);
    }
}
