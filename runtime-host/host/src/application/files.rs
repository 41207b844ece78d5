//! The files that a component may read, collected in one directory that it sees as `/`.
//!
//! It is not the directory of the application, so that the guest finds exactly the files of the
//! manifest. It is created at each start, and then replaces the old one. Files are hard-linked if
//! the file system supports that, and copied otherwise; the guest can't write to them.

mod direct;
#[cfg(test)]
mod tests;

use crate::engine::Mount;
use anyhow::{Context as _, bail, ensure};
use glob::Pattern;
use std::fs;
use std::path::{Component as PathPart, Path, PathBuf};
use tessera_manifest::{App, Component, FileMount};

/// Files of one component.
const FILES_MAX: usize = 100_000;

/// How the operator wants files to be offered.
#[derive(Debug, Default)]
pub(crate) struct FileOptions {
    /// Where they are collected; none means in the state directory.
    pub(crate) folder: Option<PathBuf>,
    /// Whether folders are offered themselves instead of being collected.
    pub(crate) direct: bool,
    /// Whether components may write to them.
    pub(crate) writable: bool,
}

/// The folders that a component sees. Its files are collected, which blocks for as long as copying
/// takes, unless they are offered directly.
pub(super) fn mounts(
    app: &App,
    component: &Component,
    options: &FileOptions,
    state_dir: &Path,
) -> anyhow::Result<Vec<Mount>> {
    if component.files.is_empty() {
        return Ok(Vec::new());
    }
    if options.direct {
        return direct::mounts(&app.folder, component, options.writable);
    }
    let folder = gather(component, &app.folder, options, state_dir)?;
    Ok(vec![Mount { folder, path: "/".to_owned(), writable: options.writable }])
}

/// Collects the files of a component in a folder.
pub(super) fn gather(
    component: &Component,
    application: &Path,
    options: &FileOptions,
    state_dir: &Path,
) -> anyhow::Result<PathBuf> {
    let assets = options.folder.as_deref().unwrap_or(state_dir).join("assets");
    let folder = assets.join(&component.id);
    let fresh = assets.join(format!(".{}.new", component.id));
    remove(&fresh)?;
    create_folder(&fresh)?;
    let real = application.canonicalize().with_context(|| shown(application))?;
    let state_dir = state_dir.canonicalize().with_context(|| shown(state_dir))?;
    let assets = assets.canonicalize().with_context(|| shown(&assets))?;
    ensure!(
        !real.starts_with(&state_dir),
        "the application lies in the state directory {}, which no component may see: choose \
         another --state-dir",
        state_dir.display()
    );
    let mut gathering = Gathering {
        application: application.to_owned(),
        own: [state_dir, assets],
        excluded: patterns(&component.exclude_files)?,
        folder: &fresh,
        copies: options.writable,
        count: 0,
    };
    for mount in &component.files {
        let gathered = match mount {
            FileMount::Pattern(pattern) => gathering.pattern(pattern),
            FileMount::Placement { source, destination, .. } => {
                gathering.placement(source, destination)
            }
        };
        gathered.with_context(|| format!("the files of the component `{}`", component.id))?;
    }
    remove(&folder)?;
    fs::rename(&fresh, &folder).with_context(|| shown(&folder))?;
    Ok(folder)
}

struct Gathering<'a> {
    application: PathBuf,
    /// Never shown to a guest: the state directory, which contains the operator's token and all
    /// stores, and what was collected.
    own: [PathBuf; 2],
    excluded: Vec<Pattern>,
    folder: &'a Path,
    /// Whether files are copied: a guest that may write must not change the originals.
    copies: bool,
    count: usize,
}

impl Gathering<'_> {
    /// `images/**/*.png`, a file or a folder: each match keeps its path.
    fn pattern(&mut self, pattern: &str) -> anyhow::Result<()> {
        let (application, top) = (self.application.clone(), Path::new(""));
        let path = application.join(pattern);
        if path.is_dir() {
            self.tree(&path, &application, top)?;
            // Stock Spin puts a folder there, unless it offers it with `--direct-mounts`.
            return if pattern.is_empty() {
                Ok(())
            } else {
                self.tree(&path, &application, Path::new(pattern))
            };
        }
        if path.exists() {
            return self.file(&path, Path::new(pattern));
        }
        let is_pattern = pattern.contains(['*', '?', '[', ']']);
        ensure!(is_pattern, "no such file or directory, and not a glob pattern: `{pattern}`");
        let base = Pattern::escape(&application.display().to_string());
        self.matches(&format!("{base}/{pattern}"), &application, top)
    }

    /// One file or folder at another path.
    fn placement(&mut self, source: &Path, destination: &str) -> anyhow::Result<()> {
        let within = relative(Path::new(destination.trim_start_matches('/')))
            .with_context(|| format!("the destination `{destination}`"))?;
        if source.is_dir() {
            return self.tree(source, source, &within);
        }
        ensure!(source.is_file(), "no such file or directory: {}", source.display());
        ensure!(
            within.file_name().is_some() && !destination.ends_with('/'),
            "{} is a file, so its destination `{destination}` must end in a file's name",
            source.display()
        );
        self.file(source, &within)
    }

    /// All files below `root`, at their paths relative to `base`, below `destination`.
    fn tree(&mut self, root: &Path, base: &Path, destination: &Path) -> anyhow::Result<()> {
        let pattern = format!("{}/**/*", Pattern::escape(&root.display().to_string()));
        create_folder(&self.folder.join(destination))?;
        self.matches(&pattern, base, destination)
    }

    fn matches(&mut self, pattern: &str, base: &Path, destination: &Path) -> anyhow::Result<()> {
        for path in glob::glob(pattern).with_context(|| format!("the pattern `{pattern}`"))? {
            let path = path?;
            let named = path.strip_prefix(&self.application).unwrap_or(&path);
            let excluded = self.excluded.iter().any(|pattern| pattern.matches_path(named));
            if path.is_file() && !excluded {
                let within = path.strip_prefix(base).with_context(|| shown(&path))?;
                self.file(&path, &destination.join(within))?;
            }
        }
        Ok(())
    }

    /// One file, unless it is the host's own.
    fn file(&mut self, source: &Path, within: &Path) -> anyhow::Result<()> {
        // As in stock Spin, `..` and symbolic links may lead out of the application's folder.
        ensure!(
            source.starts_with(&self.application),
            "{} lies outside of the application's folder: write a path that is relative to it",
            source.display()
        );
        let real = source.canonicalize().with_context(|| shown(source))?;
        if self.own.iter().any(|folder| real.starts_with(folder)) {
            return Ok(());
        }
        self.count += 1;
        ensure!(self.count <= FILES_MAX, "there are more than {FILES_MAX} files");
        let target = self.folder.join(within);
        if let Some(folder) = target.parent() {
            create_folder(folder)?;
        }
        place(&real, &target, self.copies).with_context(|| shown(&target))
    }
}

/// Link if possible and wanted, else copy. A file that two patterns name is there once.
fn place(source: &Path, target: &Path, copies: bool) -> std::io::Result<()> {
    if copies {
        return fs::copy(source, target).map(drop);
    }
    match fs::hard_link(source, target) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            fs::remove_file(target)?;
            fs::copy(source, target).map(drop)
        }
        Err(_) => fs::copy(source, target).map(drop),
        Ok(()) => Ok(()),
    }
}

/// A path that stays where it starts.
fn relative(path: &Path) -> anyhow::Result<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            PathPart::Normal(name) => clean.push(name),
            PathPart::CurDir => {}
            PathPart::ParentDir if clean.pop() => {}
            _ => bail!("`{}` leads out of the folder that it starts in", path.display()),
        }
    }
    Ok(clean)
}

fn patterns(patterns: &[String]) -> anyhow::Result<Vec<Pattern>> {
    let parse = |text: &String| {
        Pattern::new(text).with_context(|| format!("`{text}` in `exclude_files` is not a pattern"))
    };
    patterns.iter().map(parse).collect()
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| shown(folder))
        }
        _ => Ok(()),
    }
}

fn create_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| shown(folder))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
