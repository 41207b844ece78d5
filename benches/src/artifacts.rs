//! What is measured, built: host and twins in a profile of their own, functions in release.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use tokio::process::Command;
use toml_edit::{DocumentMut, Item};

/// Of all native programs, this one too; see the workspace's `Cargo.toml`.
const NATIVE_PROFILE: &str = "performance";

/// Where everything is that was built.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    repository: PathBuf,
    target: PathBuf,
    build: bool,
}

impl Artifacts {
    /// Builds host, twins and guests with cargo, into the folder that this program itself was
    /// built into; or takes what is there.
    pub(crate) async fn prepare(build: bool) -> Result<Artifacts> {
        let artifacts = Artifacts::find(build)?;
        let native =
            ["build", "--profile", NATIVE_PROFILE, "--package", "tessera", "--package", "benches"];
        artifacts.cargo("the host and the twins", &native).await?;
        let guests = [
            "build",
            "--release",
            "--target",
            "wasm32-wasip2",
            "--package",
            "bench-guests",
            "--examples",
        ];
        artifacts.cargo("the guests", &guests).await?;
        Ok(artifacts)
    }

    fn find(build: bool) -> Result<Artifacts> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = benches.parent().context("the repository")?.to_owned();
        // This program is <target>/<profile>/benchmark.
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(2).context("the target folder")?.to_owned();
        Ok(Artifacts { repository, target, build })
    }

    async fn cargo(&self, what: &str, arguments: &[&str]) -> Result<()> {
        if !self.build {
            return Ok(());
        }
        eprintln!("==> building {what}");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).arg("--quiet").arg("--target-dir").arg(&self.target);
        let status = cargo.current_dir(&self.repository).kill_on_drop(true).status().await?;
        ensure!(status.success(), "`cargo {}` failed", arguments.join(" "));
        Ok(())
    }

    /// The repository's root.
    pub(crate) fn repository(&self) -> &Path {
        &self.repository
    }

    /// A native program, as `tessera` or `twin`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join(NATIVE_PROFILE).join(name)
    }

    /// A component of the package in `benches/guests`, for example `bench_hello`.
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        self.target.join(format!("wasm32-wasip2/release/examples/{name}.wasm"))
    }

    /// Where results lie: `target/bench`.
    pub(crate) fn results(&self) -> PathBuf {
        self.target.join("bench")
    }

    /// The manifest of the bench app with this name, for any host: `apps/<name>/spin.toml` with
    /// the sources at the place that was built to.
    pub(crate) fn manifest(&self, app: &str) -> Result<PathBuf> {
        let written = self.repository.join("benches/apps").join(app).join("spin.toml");
        self.adopt(app, &written, "../../../target/")
    }

    /// The manifest of the shop, with the sources at the place that was built to, after building
    /// all its functions and bridges.
    pub(crate) async fn shop(&self) -> Result<PathBuf> {
        self.cargo("the shop", &["functions"]).await?;
        self.cargo("the shop's bridges", &["bridges"]).await?;
        self.adopt("shop", &self.repository.join("spin.toml"), "target/")
    }

    /// The same without goods: the importer is not asked to fill the catalogue.
    pub(crate) async fn empty_shop(&self) -> Result<PathBuf> {
        let text = std::fs::read_to_string(self.shop().await?)?;
        self.write_manifest("empty-shop", &text.replace("on_start = \"/import\"\n", ""))
    }

    /// The same with HTTP between the functions, as on stock Spin: each importer is composed with
    /// its bridges, and the broker function delivers events.
    pub(crate) async fn bridged_shop(&self) -> Result<PathBuf> {
        let text = std::fs::read_to_string(self.empty_shop().await?)?;
        self.write_manifest("bridged-shop", &without_links(&text)?)
    }

    /// A copy of a manifest that finds its feature flags, and its sources, which it has in
    /// `written_target`.
    fn adopt(&self, app: &str, written: &Path, written_target: &str) -> Result<PathBuf> {
        let text =
            std::fs::read_to_string(written).with_context(|| written.display().to_string())?;
        let source = format!("source = \"{}/", self.target.display());
        let text = text.replace(&format!("source = \"{written_target}"), &source);
        let flags = written.with_file_name("feature-flags.json");
        let text = text
            .replace("flags = \"feature-flags.json\"", &format!("flags = \"{}\"", flags.display()));
        self.write_manifest(app, &text)
    }

    /// A manifest with this text.
    pub(crate) fn write_manifest(&self, app: &str, text: &str) -> Result<PathBuf> {
        let folder = self.results().join("apps").join(app);
        std::fs::create_dir_all(&folder)?;
        let manifest = folder.join("spin.toml");
        std::fs::write(&manifest, text)?;
        Ok(manifest)
    }
}

/// The keys by which the host serves imports itself (links, events, limits, expiry) and leaves out
/// components that only other hosts need.
const LINK_KEYS: [&str; 3] = ["bridges", "subscribe", "stock_only"];

/// A manifest without these keys: what is left is what stock Spin reads, with the same limits.
fn without_links(manifest: &str) -> Result<String> {
    let mut manifest: DocumentMut = manifest.parse()?;
    let components = manifest["component"].as_table_mut().context("a table of components")?;
    for (_, component) in components.iter_mut() {
        let tool = component.get_mut("tool").and_then(|tool| tool.get_mut("tessera"));
        let Some(tool) = tool.and_then(Item::as_table_like_mut) else { continue };
        for key in LINK_KEYS {
            tool.remove(key);
        }
    }
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_manifest_without_links_keeps_dependencies_and_limits() {
        let manifest = include_str!("../../spin.toml");
        let changed = without_links(manifest).unwrap();
        for key in ["tessera.bridges = ", "\nsubscribe = ", "\nstock_only = "] {
            assert!(manifest.contains(key) && !changed.contains(key), "{key}");
        }
        for key in ["component = \"catalog-bridge\"", "\nlimits = "] {
            assert_eq!(changed.matches(key).count(), manifest.matches(key).count(), "{key}");
        }
    }
}
