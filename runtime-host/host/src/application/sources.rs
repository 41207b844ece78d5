//! Code that the manifest names by a URL or by a package of a registry: it is downloaded once, and
//! kept by its digest.
//!
//! After that, the source of a component is a local file, and the rest of the host knows no other.

pub(super) mod downloads;
mod packages;

use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use anyhow::Context as _;
use downloads::Downloads;
use futures::{StreamExt as _, TryStreamExt as _};
use packages::{Package, Packages};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tessera_manifest::{App, Component, Provider, Source};
use tokio::time::timeout;

/// Maximum size of one download.
pub(super) const DOWNLOAD_MAX_BYTES: usize = 128 * 1024 * 1024;
/// How long one download may take.
pub(super) const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Downloads at the same time.
pub(super) const DOWNLOADS_MAX: usize = 4;
/// What all downloads may have together; beyond it, those go that were not used for the longest
/// time.
pub(super) const KEPT_MAX_BYTES: u64 = 4 << 30;

/// What has to be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Url { url: String, digest: String },
    Package(Package),
}

/// Whether the version of a package is the only one that fits, or a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionIs {
    Exact,
    Requirement,
}

impl Wanted {
    /// What a source needs; none for a local file.
    fn of(source: &Source, version_is: VersionIs) -> anyhow::Result<Option<Self>> {
        match source {
            Source::Local(_) => Ok(None),
            Source::Remote { url, digest } => {
                Ok(Some(Self::Url { url: url.clone(), digest: digest.clone() }))
            }
            Source::Registry { registry, package, version } => {
                let requirement = match version_is {
                    VersionIs::Exact => format!("={version}"),
                    VersionIs::Requirement => version.clone(),
                };
                let version = semver::VersionReq::parse(&requirement)
                    .with_context(|| format!("`{version}` is not a version"))?;
                let (registry, name) = (registry.clone(), package.clone());
                Ok(Some(Self::Package(Package { registry, name, version })))
            }
        }
    }
}

/// Downloads what the application needs, and makes it local.
pub(super) async fn fetch(app: &mut App, cache_dir: &Path) -> anyhow::Result<()> {
    let mut wanted: Vec<(Wanted, String)> = Vec::new();
    each_source(app, |by, source, version_is| {
        if let Some(one) = Wanted::of(source, version_is)?
            && !wanted.iter().any(|(other, _)| *other == one)
        {
            wanted.push((one, by.to_owned()));
        }
        Ok(())
    })?;
    if wanted.is_empty() {
        return Ok(());
    }
    let files = download(wanted, cache_dir).await?;
    each_source(app, |_, source, version_is| {
        let wanted = Wanted::of(source, version_is)?;
        if let Some((_, file)) = files.iter().find(|(one, _)| Some(one) == wanted.as_ref()) {
            *source = Source::Local(file.clone());
        }
        Ok(())
    })
}

async fn download(
    wanted: Vec<(Wanted, String)>,
    cache_dir: &Path,
) -> anyhow::Result<Vec<(Wanted, PathBuf)>> {
    let kept = &Downloads::open(cache_dir)?;
    let client = &Client::new(None, &OutboundPolicy::default())?;
    let has_packages = wanted.iter().any(|(one, _)| matches!(one, Wanted::Package(_)));
    let packages = has_packages.then(|| Packages::new(client, kept, cache_dir)).transpose()?;
    let packages = packages.as_ref();
    let jobs = wanted.into_iter().map(|(wanted, by)| async move {
        let work = async {
            match (&wanted, packages) {
                (Wanted::Url { url, digest }, _) => kept.get(client, digest, url, &by).await,
                (Wanted::Package(package), Some(packages)) => packages.get(package, &by).await,
                (Wanted::Package(_), None) => anyhow::bail!("there are no packages"),
            }
        };
        let seconds = DOWNLOAD_TIMEOUT.as_secs();
        let file = timeout(DOWNLOAD_TIMEOUT, work).await.with_context(|| {
            format!("the download of the source of {by} takes more than {seconds} s")
        })??;
        anyhow::Ok((wanted, file))
    });
    let jobs = futures::stream::iter(jobs).buffer_unordered(DOWNLOADS_MAX);
    let files: Vec<(Wanted, PathBuf)> = jobs.try_collect().await?;
    kept.make_room(&files.iter().map(|(_, file)| file.clone()).collect(), KEPT_MAX_BYTES);
    Ok(files)
}

/// All sources of components that this host runs, with a name of who has it.
fn each_source(
    app: &mut App,
    mut visit: impl FnMut(&str, &mut Source, VersionIs) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let run_here = |component: &&mut Component| {
        component.settings.bridges.is_none() && !component.settings.stock_only
    };
    for component in app.components.values_mut().filter(run_here) {
        visit(&format!("`{}`", component.id), &mut component.source, VersionIs::Exact)?;
        for dependency in &mut component.dependencies {
            let by = format!("the dependency `{}` of `{}`", dependency.import, component.id);
            if let Provider::Source { source, .. } = &mut dependency.provider {
                visit(&by, source, VersionIs::Requirement)?;
            }
        }
    }
    for middleware in app.http.iter_mut().flat_map(|trigger| &mut trigger.middleware) {
        if let Provider::Source { source, .. } = &mut middleware.provider {
            visit(&format!("`{}`", middleware.written_at), source, VersionIs::Requirement)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest_of;

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
        let visit = |_: &str, source: &mut Source, _| match source {
            Source::Remote { url, .. } => {
                found.push(url.replace("http://a.example/", ""));
                Ok(())
            }
            _ => panic!("{source:?}"),
        };
        each_source(&mut app, visit).unwrap();
        assert_eq!(found, ["component", "dependency", "middleware"]);
    }

    #[test]
    fn the_version_of_a_component_is_exact_and_that_of_a_dependency_is_a_requirement() {
        let (registry, package, version) = (None, "a:b".to_owned(), "1.2.3".to_owned());
        let source = Source::Registry { registry, package, version };
        let fits = |version_is, version: &str| {
            let wanted = Wanted::of(&source, version_is).unwrap();
            let Some(Wanted::Package(package)) = wanted else { panic!("{wanted:?}") };
            package.version.matches(&version.parse().unwrap())
        };
        assert!(fits(VersionIs::Exact, "1.2.3") && !fits(VersionIs::Exact, "1.3.0"));
        assert!(fits(VersionIs::Requirement, "1.3.0") && !fits(VersionIs::Requirement, "2.0.0"));
    }
}
