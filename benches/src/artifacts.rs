//! What is measured, built: host, functions and twins, all in release.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The manifest of a bench app says so; the folder that cargo really builds to takes its place.
const TARGET_IN_MANIFESTS: &str = "../../../target/";

/// Where everything is that was built.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    repository: PathBuf,
    target: PathBuf,
}

/// Builds everything with cargo, into the folder that this program itself was built into.
pub(crate) async fn build() -> Result<Artifacts> {
    let artifacts = Artifacts::find()?;
    artifacts
        .cargo(
            "the host and the twins",
            &["build", "--release", "--package", "tessera", "--package", "benches"],
        )
        .await?;
    let mut functions = vec!["build", "--release", "--target", "wasm32-wasip2"];
    let guests = artifacts.guests()?;
    functions.extend(guests.iter().flat_map(|guest| ["--package", guest]));
    artifacts.cargo("the functions", &functions).await?;
    Ok(artifacts)
}

impl Artifacts {
    fn find() -> Result<Artifacts> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = benches.parent().context("the repository")?.to_owned();
        // This program is <target>/release/benchmark.
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(2).context("the target folder")?.to_owned();
        Ok(Artifacts { repository, target })
    }

    /// The packages of `benches/guests`: `bench-` and the folder's name.
    fn guests(&self) -> Result<Vec<String>> {
        let folders = std::fs::read_dir(self.repository.join("benches/guests"))?;
        folders.map(|entry| Ok(format!("bench-{}", entry?.file_name().to_string_lossy()))).collect()
    }

    async fn cargo(&self, what: &str, arguments: &[&str]) -> Result<()> {
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
        self.target.join("release").join(name)
    }

    /// A function's component by crate name, as `bench_hello`.
    pub(crate) fn component(&self, name: &str) -> PathBuf {
        self.target.join(format!("wasm32-wasip2/release/{name}.wasm"))
    }

    /// Where results lie: `target/bench`.
    pub(crate) fn results(&self) -> PathBuf {
        self.target.join("bench")
    }

    /// The manifest of the bench app with this name, for any host: `apps/<name>/spin.toml` with
    /// the sources at the place that was built to.
    pub(crate) fn manifest(&self, app: &str) -> Result<PathBuf> {
        let written = self.repository.join("benches/apps").join(app).join("spin.toml");
        let text =
            std::fs::read_to_string(&written).with_context(|| written.display().to_string())?;
        let target = format!("{}/", self.target.display());
        let folder = self.results().join("apps").join(app);
        std::fs::create_dir_all(&folder)?;
        let manifest = folder.join("spin.toml");
        std::fs::write(&manifest, text.replace(TARGET_IN_MANIFESTS, &target))?;
        Ok(manifest)
    }
}
