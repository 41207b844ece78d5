//! The files that a component may read, collected in one directory that it sees as `/`.
//!
//! It is not the directory of the application, so that the guest finds exactly the files of the
//! manifest. It is created at each start, and then replaces the old one. Files are hard-linked if
//! the file system supports that, and copied otherwise; the guest can't write to them.

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
    gather(component, &app.folder, state_dir)
}

fn gather(
    component: &Component,
    application: &Path,
    state_dir: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    if component.files.is_empty() {
        return Ok(None);
    }
    let assets = state_dir.join("assets");
    let folder = assets.join(&component.id);
    let fresh = assets.join(format!(".{}.new", component.id));
    remove(&fresh)?;
    create_folder(&fresh)?;
    let application = application.canonicalize().with_context(|| shown(application))?;
    let state_dir = state_dir.canonicalize().with_context(|| shown(state_dir))?;
    ensure!(
        !application.starts_with(&state_dir),
        "the application lies in the state directory {}, which no component may see: choose \
         another --state-dir",
        state_dir.display()
    );
    let mut gathering = Gathering {
        application,
        state_dir,
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
    /// Never shown to a guest: it contains the operator's token and all stores.
    state_dir: PathBuf,
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
        ensure!(is_pattern, "no such file or directory, and not a glob pattern: `{pattern}`");
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
            if path.is_file() {
                let within = path.strip_prefix(base).with_context(|| shown(&path))?;
                self.file(&path, &destination.join(within))?;
            }
        }
        Ok(())
    }

    /// One file, unless it is excluded or the host's own.
    fn file(&mut self, source: &Path, within: &Path) -> anyhow::Result<()> {
        // Symbolic links count as what they lead to.
        let real = source.canonicalize().with_context(|| shown(source))?;
        let Ok(named) = real.strip_prefix(&self.application) else {
            bail!("{} lies outside of the application's folder", source.display());
        };
        if real.starts_with(&self.state_dir) {
            return Ok(());
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use tempfile::TempDir;

    /// An application with a few files.
    fn application() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in ["app/static/a.css", "app/static/deep/b.css", "app/static/c.map", "secret"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
        }
        folder
    }

    fn gathered(folder: &TempDir, files: &str) -> anyhow::Result<Vec<String>> {
        gathered_beside(folder, "state", files)
    }

    /// With the state directory at this path.
    fn gathered_beside(
        folder: &TempDir,
        state_dir: &str,
        files: &str,
    ) -> anyhow::Result<Vec<String>> {
        let root = folder.path().join("app");
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"x\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"web\"\n\
             [component.web]\nsource = \"web.wasm\"\n{files}\n"
        );
        let app = tessera_manifest::parse(&root.join("spin.toml"), &manifest).unwrap();
        let state = folder.path().join(state_dir);
        let Some(folder) = mount(&app, &app.components["web"], &state)? else {
            return Ok(Vec::new());
        };
        let found = glob::glob(&format!("{}/**/*", folder.display())).unwrap();
        let files = found.map(Result::unwrap).filter(|path| path.is_file());
        let name = |path: PathBuf| path.strip_prefix(&folder).unwrap().display().to_string();
        Ok(files.map(name).collect())
    }

    #[test]
    fn patterns_files_and_folders_keep_their_paths() {
        let app = application();
        assert_eq!(gathered(&app, "files = [\"static/*.css\"]").unwrap(), ["static/a.css"]);
        let all = ["static/a.css", "static/c.map", "static/deep/b.css"];
        assert_eq!(gathered(&app, "files = [\"static\"]").unwrap(), all);
        assert_eq!(gathered(&app, "files = [\"static/**/*\"]").unwrap(), all);
        assert_eq!(gathered(&app, "").unwrap(), [""; 0]);
    }

    #[test]
    fn placements_move_and_exclusions_hold() {
        let app = application();
        let files = "files = [{ source = \"static\", destination = \"/\" }]\n\
                     exclude_files = [\"**/*.map\"]";
        assert_eq!(gathered(&app, files).unwrap(), ["a.css", "deep/b.css"]);
        let files = "files = [{ source = \"static/a.css\", destination = \"/x/y.css\" }]";
        assert_eq!(gathered(&app, files).unwrap(), ["x/y.css"]);
    }

    #[test]
    fn a_restart_replaces_the_copies_and_not_the_originals() {
        let app = application();
        gathered(&app, "files = [\"static\"]").unwrap();
        assert_eq!(gathered(&app, "files = [\"static/a.css\"]").unwrap(), ["static/a.css"]);
        let original = fs::read_to_string(app.path().join("app/static/a.css")).unwrap();
        assert_eq!(original, "a.css");
        // Named twice, there once.
        let twice = "files = [\"static/a.css\", \"static/*.css\"]";
        assert_eq!(gathered(&app, twice).unwrap(), ["static/a.css"]);
        assert_eq!(fs::read_to_string(app.path().join("app/static/a.css")).unwrap(), "a.css");
    }

    #[test]
    #[cfg(unix)]
    fn links_do_not_lead_out_of_the_application() {
        let app = application();
        let link = app.path().join("app/static/link");
        std::os::unix::fs::symlink(app.path().join("secret"), link).unwrap();
        let error = gathered(&app, "files = [\"static\"]").unwrap_err();
        assert!(format!("{error:#}").contains("lies outside"), "{error:#}");
    }

    #[test]
    fn no_component_sees_files_of_the_state_directory() {
        let app = application();
        let state = app.path().join("app/.tessera");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("admin-token"), "secret").unwrap();
        std::os::unix::fs::symlink(state.join("admin-token"), app.path().join("app/key")).unwrap();
        let all = ["static/a.css", "static/c.map", "static/deep/b.css"];
        // The second time, what the first one gathered is there as well.
        for files in ["**/*", "**/*", ".tessera", ".tessera/admin-token", "key"] {
            let manifest = format!("files = [\"{files}\"]");
            let found = gathered_beside(&app, "app/.tessera", &manifest).unwrap();
            assert_eq!(found, if files == "**/*" { &all[..] } else { &[] }, "{files}");
        }
        let error = gathered_beside(&app, "app", "files = [\"static\"]").unwrap_err();
        assert!(format!("{error:#}").contains("--state-dir"), "{error:#}");
    }

    #[test]
    fn paths_do_not_lead_out_of_their_folder() {
        assert!(relative(Path::new("../x")).is_err());
        assert!(relative(Path::new("a/../../x")).is_err());
        assert!(relative(Path::new("/x")).is_err());
        assert_eq!(relative(Path::new("./a/./b")).unwrap(), Path::new("a/b"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let app = application();
        let error = gathered(&app, "files = [\"statik/a.css\"]").unwrap_err();
        assert!(format!("{error:#}").contains("`statik/a.css`"), "{error:#}");
    }
}
