//! Packages in registries, found and read as by `wkg` and stock Spin.
//!
//! A version of a package never changes: once it is downloaded, its digest is kept, and the
//! registry is not asked again.

mod advice;
mod config;
mod kept_versions;
mod local;
mod metadata;

use super::DOWNLOAD_MAX_BYTES;
use super::downloads::Downloads;
use crate::capabilities::outbound_http::Client;
use crate::oci::{self, Access, Address, Credentials, Manifest, Repository};
use advice::{explain, none_fits};
use anyhow::{Context as _, bail};
use config::{Config, Mapping, RegistryConfig};
use kept_versions::KeptVersions;
use metadata::Metadata;
use semver::{Comparator, Op, Version, VersionReq};
use std::path::{Path, PathBuf};

/// A package of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// The registry, if the manifest names one.
    pub(super) registry: Option<String>,
    /// `namespace:name`.
    pub(super) name: String,
    pub(super) version: VersionReq,
}

/// Gets packages.
pub(super) struct Packages<'a> {
    client: &'a Client,
    config: Config,
    downloads: &'a Downloads,
    versions: KeptVersions,
}

/// One package in the repository that it was found in.
struct Source<'a> {
    package: &'a Package,
    registry: &'a str,
    repository: Repository<'a>,
}

impl Package {
    /// Namespace and name.
    fn parts(&self) -> (&str, &str) {
        self.name.split_once(':').unwrap_or((&self.name, ""))
    }
}

impl<'a> Packages<'a> {
    pub(super) fn new(
        client: &'a Client,
        downloads: &'a Downloads,
        cache_dir: &Path,
    ) -> anyhow::Result<Self> {
        let versions = KeptVersions::new(cache_dir);
        Ok(Self { client, config: Config::of_user()?, downloads, versions })
    }

    /// The file of a package, which `by` needs.
    pub(super) async fn get(&self, package: &Package, by: &str) -> anyhow::Result<PathBuf> {
        let Package { name, version, .. } = package;
        let Mapping { registry, metadata } = self.config.registry_of(package).with_context(|| {
            format!(
                "the source of {by} is the package {name}, and no registry is known for it: add \
                 `registry = \"…\"` to the source, or `default_registry = \"…\"` to {}",
                config::shown_path()
            )
        })?;
        let file = self.get_from(package, &registry, metadata).await;
        file.with_context(|| {
            format!(
                "the source of {by}, the package {name} {version} of the registry {registry}, \
                 can't be used"
            )
        })
    }

    async fn get_from(
        &self,
        package: &Package,
        registry: &str,
        metadata: Option<Metadata>,
    ) -> anyhow::Result<PathBuf> {
        let settings = self.config.settings_of(registry);
        if settings.protocol() == Some(config::LOCAL) {
            return local::get(settings.local_root(), package);
        }
        let exact = exact(&package.version);
        if let Some(file) = exact.as_ref().and_then(|exact| self.kept(registry, package, exact)) {
            return Ok(file);
        }
        let source = self.source(package, registry, &settings, metadata).await?;
        let version = match exact {
            Some(version) => version,
            None => match source.versions().await {
                Err(error @ oci::Error::Unavailable(_)) => return self.newest_kept(&source, error),
                versions => source.newest(versions)?,
            },
        };
        match self.kept(registry, package, &version) {
            Some(file) => Ok(file),
            None => self.download(&source, &version).await,
        }
    }

    /// A version that was downloaded before.
    fn kept(&self, registry: &str, package: &Package, version: &Version) -> Option<PathBuf> {
        self.downloads.kept(&self.versions.digest(registry, package, version)?)
    }

    /// The newest of the versions that were downloaded before, if the registry can't be reached.
    fn newest_kept(&self, source: &Source<'_>, error: oci::Error) -> anyhow::Result<PathBuf> {
        let Source { package, registry, .. } = source;
        for version in self.versions.newest_first(registry, package) {
            if let Some(file) = self.kept(registry, package, &version) {
                let name = &package.name;
                tracing::warn!(
                    "{registry} can't be asked for new versions of {name}: {error}. {version} is \
                     used, which was downloaded before"
                );
                return Ok(file);
            }
        }
        Err(explain(&error, registry))
    }

    async fn source<'s>(
        &self,
        package: &'s Package,
        registry: &'s str,
        settings: &RegistryConfig,
        metadata: Option<Metadata>,
    ) -> anyhow::Result<Source<'s>>
    where
        'a: 's,
    {
        let metadata = match metadata {
            Some(metadata) => metadata,
            None => Metadata::fetch(self.client, registry).await,
        };
        match settings.protocol().or(metadata.protocol()).unwrap_or(config::OCI) {
            config::OCI => {}
            other => bail!(
                "the registry uses the protocol `{other}`, and this host knows `{}` and `{}`: get \
                 the package with `wkg get`, and write the path of the file instead",
                config::OCI,
                config::LOCAL
            ),
        }
        let (namespace, name) = package.parts();
        let prefix = metadata.prefix.unwrap_or_default();
        let address = Address {
            protocol: settings.oci.protocol,
            registry: metadata.registry.unwrap_or_else(|| registry.to_owned()),
            name: format!("{prefix}{namespace}/{name}"),
        };
        let credentials = match &settings.oci.credentials {
            Some(credentials) => Some(credentials.clone()),
            None => Credentials::of_docker(&address.registry).await?,
        };
        let repository = Repository::new(self.client, &address, Access::Pull, credentials)?;
        Ok(Source { package, registry, repository })
    }

    async fn download(&self, source: &Source<'_>, version: &Version) -> anyhow::Result<PathBuf> {
        let (registry, package) = (source.registry, source.package);
        tracing::info!("downloading {}@{version} from {registry}", package.name);
        let manifest = match source.repository.manifest(&version.to_string()).await {
            Err(error @ oci::Error::NotFound(_)) => return Err(source.without(error).await),
            manifest => manifest.map_err(|error| explain(&error, registry))?,
        };
        let manifest = Manifest::parse(&manifest)?;
        let code = manifest.package_code()?;
        let bytes = source.repository.blob(code, DOWNLOAD_MAX_BYTES).await;
        let bytes = bytes.map_err(|error| explain(&error, registry))?;
        let file = self.downloads.keep(&code.digest, &bytes)?;
        self.versions.keep(registry, package, version, &code.digest)?;
        Ok(file)
    }
}

impl Source<'_> {
    /// The versions that the registry has, the newest first. Other tags are not versions.
    async fn versions(&self) -> Result<Vec<Version>, oci::Error> {
        let tags = self.repository.tags().await?;
        let mut versions: Vec<Version> =
            tags.iter().filter_map(|tag| Version::parse(tag).ok()).collect();
        versions.sort_by(|a, b| b.cmp(a));
        Ok(versions)
    }

    /// The newest of all versions that fits.
    fn newest(&self, all: Result<Vec<Version>, oci::Error>) -> anyhow::Result<Version> {
        let all = all.map_err(|error| explain(&error, self.registry))?;
        let newest = all.iter().find(|version| self.package.version.matches(version));
        newest.cloned().ok_or_else(|| none_fits(&self.package.version, &all))
    }

    /// Why a version is not there.
    async fn without(&self, error: oci::Error) -> anyhow::Error {
        match self.versions().await {
            Ok(versions) => none_fits(&self.package.version, &versions),
            Err(_) => explain(&error, self.registry),
        }
    }
}

/// The only version that fits, if there is only one.
fn exact(requirement: &VersionReq) -> Option<Version> {
    match &requirement.comparators[..] {
        [Comparator { op: Op::Exact, major, minor: Some(minor), patch: Some(patch), pre }] => {
            let pre = pre.clone();
            Some(Version { pre, ..Version::new(*major, *minor, *patch) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_equal_sign_and_a_whole_version_are_exact() {
        let exact = |text: &str| exact(&text.parse().unwrap()).map(|version| version.to_string());
        assert_eq!(exact("=1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(exact("=1.2.3-rc.1+build").as_deref(), Some("1.2.3-rc.1"));
        for requirement in ["1.2.3", "=1.2", "^1.2.3", "*", ">=1.2.3, <1.2.4"] {
            assert_eq!(exact(requirement), None, "{requirement}");
        }
    }
}
