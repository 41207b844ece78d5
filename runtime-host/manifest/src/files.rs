//! Whether the files of a manifest exist.
//!
//! This is separate from parsing: a manifest is also valid on a machine where nothing is built
//! yet.

use std::path::Path;

use crate::app::{App, Component, FileMount, Provider, Source};
use crate::check::dependency_path;
use crate::reader::{Code, Problem};

/// Checks that the files exist which this host needs to run the application: sources of components,
/// dependencies and middleware, directories of builds, and files of components. Bridges and components that
/// only other hosts run are left out.
///
/// [`Origin::errors`](crate::Origin::errors) joins the problems with the text that they point into.
/// Empty if no file is missing.
pub fn check_files(app: &App) -> Vec<Problem> {
    let mut search = Search { app, problems: Vec::new() };
    for component in app.components.values().filter(|component| component.runs_here()) {
        search.component(component);
    }
    for middleware in app.http.iter().flat_map(|trigger| &trigger.middleware) {
        if let Provider::Source { source, .. } = &middleware.provider {
            let path = format!("{}.path", middleware.written_at);
            search.source(source, &path, "build it, or correct the path");
        }
    }
    search.problems
}

struct Search<'a> {
    app: &'a App,
    problems: Vec<Problem>,
}

impl Search<'_> {
    fn component(&mut self, component: &Component) {
        let app = self.app;
        let at = |key: &str| app.origin.path_of(component, key);
        let build_hint = match &component.build {
            Some(build) => {
                format!("run `tessera build`, which runs `{}`", build.commands.join(" && "))
            }
            None => {
                "build it, or correct the path; with `build.command`, `tessera build` builds it"
                    .to_owned()
            }
        };
        self.source(&component.source, &at("source"), &build_hint);
        for dependency in &component.dependencies {
            if let Provider::Source { source, .. } = &dependency.provider {
                let path = dependency_path(app, component, &dependency.import);
                self.source(source, &format!("{path}.path"), "build it, or correct the path");
            }
        }
        if let Some(build) = &component.build
            && !build.workdir.is_dir()
        {
            let hint = "correct the directory in which the command runs";
            self.missing(&build.workdir, &at("build.workdir"), hint);
        }
        for mount in &component.files {
            if let FileMount::Placement { source, written_at, .. } = mount
                && !source.exists()
            {
                self.missing(source, &format!("{written_at}.source"), "correct the path");
            }
        }
    }

    fn source(&mut self, source: &Source, path: &str, hint: &str) {
        if let Source::Local(file) = source
            && !file.is_file()
        {
            self.missing(file, path, hint);
        }
    }

    fn missing(&mut self, file: &Path, path: &str, hint: &str) {
        let problem = Problem::new(
            Code::MissingFile,
            format!("no such file or directory: {}", file.display()),
        );
        let span = self.app.origin.span(path).unwrap_or_default();
        self.problems.push(problem.label(span, "does not exist").hint(hint));
    }
}
