//! What is watched of an application, and what has to be done when it changes.

use super::globs::Glob;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tessera_manifest::{App, Component, ComponentId, FileMount, Handler, Provider, Source};

/// What is watched.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    globs: Vec<(Purpose, Glob)>,
    /// Components whose code is part of others, or that have copies with middleware.
    entangled: BTreeSet<ComponentId>,
    /// What is wrong or missing in the manifest.
    pub(super) advice: Vec<String>,
}

/// Why a file is watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    Manifest,
    /// It is built from it.
    Build(ComponentId),
    /// It is its code.
    Code(ComponentId),
    /// It reads it.
    Asset(ComponentId),
}

/// What has to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) manifest: bool,
    pub(super) built: BTreeSet<ComponentId>,
    pub(super) code: BTreeSet<ComponentId>,
    pub(super) assets: BTreeSet<ComponentId>,
}

/// What is not watched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Without {
    pub(super) builds: bool,
    /// The files of components: they see changes by themselves.
    pub(super) assets: bool,
}

impl Plan {
    /// What is watched of an application.
    pub(super) fn of(app: &App, without: Without) -> Self {
        let manifest = app.origin.path();
        let is_code =
            |one: &Component| matches!(&one.source, Source::Local(path) if path == manifest);
        let mut plan = match app.components.values().any(is_code) {
            // A component without a manifest.
            true => Self::default(),
            false => Self::manifest(manifest),
        };
        plan.entangled = entangled(app);
        for component in app.components.values() {
            // Dependencies are built, too, if they are components of their own.
            if !without.builds {
                plan.add_inputs(component);
            }
            if let Source::Local(path) = &component.source {
                plan.add(Purpose::Code(component.id.clone()), Glob::exactly(path));
            }
            if !without.assets {
                plan.add_assets(app, component);
            }
        }
        plan
    }

    /// Only a manifest, which may be invalid.
    pub(super) fn manifest(path: &Path) -> Self {
        let globs = vec![(Purpose::Manifest, Glob::exactly(path))];
        Self { globs, ..Self::default() }
    }

    fn add(&mut self, purpose: Purpose, glob: Glob) {
        self.globs.push((purpose, glob));
    }

    fn add_inputs(&mut self, component: &Component) {
        let Some(build) = &component.build else { return };
        let id = &component.id;
        if build.watch.is_empty() {
            self.advice.push(format!(
                "`{id}` is not built when its files change: add `watch = [\"src/**/*.rs\"]` to \
                 `[component.{id}.build]`"
            ));
        }
        for pattern in &build.watch {
            match Glob::new(&build.workdir, pattern) {
                Ok(glob) => self.add(Purpose::Build(id.clone()), glob),
                Err(error) => self.advice.push(format!("`{id}`: {error}")),
            }
        }
    }

    fn add_assets(&mut self, app: &App, component: &Component) {
        for mount in &component.files {
            let glob = match mount {
                FileMount::Pattern(pattern) => Glob::new(&app.folder, pattern),
                FileMount::Placement { source, .. } => Ok(Glob::exactly(source)),
            };
            // A pattern that is invalid is a problem of the start.
            let Ok(glob) = glob else { continue };
            self.add(Purpose::Asset(component.id.clone()), glob);
        }
    }

    pub(super) fn globs(&self) -> impl Iterator<Item = &Glob> {
        self.globs.iter().map(|(_, glob)| glob)
    }

    /// What has to be done after a change of these files.
    pub(super) fn changes<'a>(&self, files: impl IntoIterator<Item = &'a PathBuf>) -> Changes {
        let mut changes = Changes::default();
        for file in files {
            for (purpose, _) in self.globs.iter().filter(|(_, glob)| glob.covers(file)) {
                changes.add(purpose.clone());
            }
        }
        changes
    }

    /// Whether a file only says what is built, and is not part of what is started.
    pub(super) fn is_only_input(&self, file: &Path) -> bool {
        let mut purposes = self.globs.iter().filter(|(_, glob)| glob.covers(file));
        purposes.all(|(purpose, _)| matches!(purpose, Purpose::Manifest | Purpose::Build(_)))
    }

    /// Whether new code of a component is only in service after a restart.
    pub(super) fn is_entangled(&self, id: &str) -> bool {
        self.entangled.contains(id)
    }
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Manifest => self.manifest = true,
            Purpose::Build(id) => drop(self.built.insert(id)),
            Purpose::Code(id) => drop(self.code.insert(id)),
            Purpose::Asset(id) => drop(self.assets.insert(id)),
        }
    }

    /// These changes, too.
    pub(super) fn extend(&mut self, more: Self) {
        self.manifest |= more.manifest;
        self.built.extend(more.built);
        self.code.extend(more.code);
        self.assets.extend(more.assets);
    }
}

/// Components that are composed into others, and those of triggers with middleware.
fn entangled(app: &App) -> BTreeSet<ComponentId> {
    let of = |provider: &Provider| match provider {
        Provider::Component { id, .. } => {
            let is_composed =
                app.components.get(id).is_some_and(|one| one.settings.bridges.is_none());
            is_composed.then(|| id.clone())
        }
        Provider::Source { .. } => None,
    };
    let libraries = app.components.values().flat_map(|component| &component.dependencies);
    let mut all: BTreeSet<_> = libraries.filter_map(|one| of(&one.provider)).collect();
    for trigger in app.http.iter().filter(|trigger| !trigger.middleware.is_empty()) {
        all.extend(trigger.middleware.iter().filter_map(|one| of(&one.provider)));
        if let Handler::Component(id) = &trigger.handler {
            all.insert(id.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/a"
component = "a"
[component.a]
source = "target/a.wasm"
files = [{ source = "static", destination = "/" }, "data/*.json"]
[component.a.build]
command = "make"
workdir = "a"
watch = ["src/**/*.rs"]
[component.a.dependencies]
"x:y/z" = { component = "library" }
"x:y/w" = { component = "bridge" }
[component.library]
source = "library.wasm"
[component.library.build]
command = "make"
[component.bridge]
source = "b.wasm"
tool.tessera.bridges = "b"
[component.b]
source = "b.wasm"
"#;

    fn changes(without: Without, files: &[&str]) -> Changes {
        let app = tessera_manifest::parse(Path::new("/app/spin.toml"), MANIFEST).unwrap();
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        Plan::of(&app, without).changes(&files)
    }

    fn ids(ids: &[&str]) -> BTreeSet<ComponentId> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_file_has_purposes() {
        let all = Without::default();
        let found = changes(all, &["/app/a/src/b/c.rs", "/app/src/b.rs", "/app/a/README.md"]);
        assert_eq!(found, Changes { built: ids(&["a"]), ..Changes::default() });
        let found =
            changes(all, &["/app/static/a/b.css", "/app/data/a.json", "/app/data/b/a.json"]);
        assert_eq!(found, Changes { assets: ids(&["a"]), ..Changes::default() });
        let found = changes(all, &["/app/b.wasm", "/app/target/a.wasm"]);
        assert_eq!(found, Changes { code: ids(&["a", "b", "bridge"]), ..Changes::default() });
        let found = changes(all, &["/app/spin.toml", "/app/x.toml"]);
        assert_eq!(found, Changes { manifest: true, ..Changes::default() });
        assert!(changes(all, &["/app", "/app/a", "/other/spin.toml"]).is_empty());
    }

    #[test]
    fn what_is_not_wanted_is_not_watched() {
        let none = Without { builds: true, assets: true };
        assert!(changes(none, &["/app/a/src/lib.rs", "/app/static/a.css"]).is_empty());
        assert!(!changes(none, &["/app/b.wasm"]).is_empty());
    }

    #[test]
    fn inputs_of_builds_are_no_part_of_the_application() {
        let app = tessera_manifest::parse(Path::new("/app/spin.toml"), MANIFEST).unwrap();
        let plan = Plan::of(&app, Without::default());
        for (file, is_input) in [
            ("/app/spin.toml", true),
            ("/app/a/src/lib.rs", true),
            ("/app/b.wasm", false),
            ("/app/static/a.css", false),
        ] {
            assert_eq!(plan.is_only_input(Path::new(file)), is_input, "{file}");
        }
    }

    #[test]
    fn libraries_are_part_of_others_and_bridges_are_not() {
        let app = tessera_manifest::parse(Path::new("/app/spin.toml"), MANIFEST).unwrap();
        let plan = Plan::of(&app, Without::default());
        assert!(plan.is_entangled("library"));
        assert!(!plan.is_entangled("bridge") && !plan.is_entangled("a") && !plan.is_entangled("b"));
        assert_eq!(plan.advice.len(), 1, "{:?}", plan.advice);
        assert!(plan.advice[0].starts_with("`library` is not built"), "{:?}", plan.advice);
    }
}
