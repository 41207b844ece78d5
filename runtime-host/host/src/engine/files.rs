//! The files that a component may read, gathered into one folder that it sees as `/`.
//!
//! A folder of its own, rather than the application's, so that the guest finds exactly what
//! the manifest names at the paths that it names, and nothing else. The folder is made anew
//! at each start, beside the old one, and then takes its place. Files are hard-linked where
//! the file system can do that, else copied; the guest has no right to write.

use anyhow::{Context as _, bail, ensure};
use glob::Pattern;
use std::fs;
use std::path::{Component as PathPart, Path, PathBuf};
use tessera_manifest::{App, Component, FileMount};

/// Files of one component.
const FILES_MAX: usize = 100_000;

/// Gather a component's files under the state directory. None if it has none. Blocks for as
/// long as copying takes.
pub(crate) fn mount(
    app: &App,
    component: &Component,
    state_dir: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    gather(component, &app.folder, &state_dir.join("assets"))
}

fn gather(
    component: &Component,
    application: &Path,
    assets: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    if component.files.is_empty() {
        return Ok(None);
    }
    let folder = assets.join(&component.id);
    let fresh = assets.join(format!(".{}.new", component.id));
    remove(&fresh)?;
    create_folder(&fresh)?;
    let mut gathering = Gathering {
        application: application.canonicalize().with_context(|| shown(application))?,
        excluded: patterns(&component.exclude_files)?,
        folder: &fresh,
        count: 0,
    };
    for mount in &component.files {
        let gathered = match mount {
            FileMount::Pattern(pattern) => gathering.pattern(pattern),
            FileMount::Placement { source, destination } => {
                gathering.placement(source, destination)
            }
        };
        gathered.with_context(|| format!("the files of the component `{}`", component.id))?;
    }
    remove(&folder)?;
    fs::rename(&fresh, &folder).with_context(|| shown(&folder))?;
    Ok(Some(folder))
}

struct Gathering<'a> {
    application: PathBuf,
    excluded: Vec<Pattern>,
    folder: &'a Path,
    count: usize,
}

impl Gathering<'_> {
    /// `images/**/*.png`, a file or a folder: each match keeps its path.
    fn pattern(&mut self, pattern: &str) -> anyhow::Result<()> {
        let within = relative(Path::new(pattern))?;
        let path = self.application.join(&within);
        if path.is_file() {
            return self.file(&path, &within);
        }
        let application = self.application.clone();
        if path.is_dir() {
            return self.tree(&path, &application, Path::new(""));
        }
        let is_pattern = pattern.contains(['*', '?', '[']);
        ensure!(is_pattern, "there is no file or folder `{pattern}` and it is no pattern either");
        let base = Pattern::escape(&application.display().to_string());
        self.matches(&format!("{base}/{}", within.display()), &application, Path::new(""))
    }

    /// One file or folder at another path.
    fn placement(&mut self, source: &Path, destination: &str) -> anyhow::Result<()> {
        let within = relative(Path::new(destination.trim_start_matches('/')))
            .with_context(|| format!("the destination `{destination}`"))?;
        if source.is_dir() {
            return self.tree(source, source, &within);
        }
        ensure!(source.is_file(), "there is no file or folder {}", source.display());
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
            if path.is_file() {
                let within = path.strip_prefix(base).with_context(|| shown(&path))?;
                self.file(&path, &destination.join(within))?;
            }
        }
        Ok(())
    }

    /// One file, unless it is excluded.
    fn file(&mut self, source: &Path, within: &Path) -> anyhow::Result<()> {
        // Symbolic links count as what they lead to.
        let real = source.canonicalize().with_context(|| shown(source))?;
        let Ok(named) = real.strip_prefix(&self.application) else {
            bail!("{} lies outside of the application's folder", source.display());
        };
        let written = source.strip_prefix(&self.application).unwrap_or(named);
        if self.excluded.iter().any(|pattern| pattern.matches_path(written)) {
            return Ok(());
        }
        self.count += 1;
        ensure!(self.count <= FILES_MAX, "there are more than {FILES_MAX} files");
        let target = self.folder.join(within);
        if let Some(folder) = target.parent() {
            create_folder(folder)?;
        }
        place(&real, &target).with_context(|| shown(&target))
    }
}

/// Link if possible, else copy. A file that two patterns name is there once.
fn place(source: &Path, target: &Path) -> std::io::Result<()> {
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
            _ => bail!("`{}` leads out of the folder that it starts in", path.display()),
        }
    }
    Ok(clean)
}

fn patterns(patterns: &[String]) -> anyhow::Result<Vec<Pattern>> {
    let parse = |text: &String| {
        Pattern::new(text).with_context(|| format!("`{text}` in `exclude_files` is no pattern"))
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
