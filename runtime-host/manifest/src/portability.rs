//! Warnings about what this host accepts and stock Spin refuses or interprets differently.
//!
//! One manifest should run on both, so differences are reported before a deployment.

use crate::app::{App, Component, Dependency, HttpTrigger, Provider, Route};
use crate::check::dependency_path;
use crate::origin::Version;
use crate::parse::ImportName;
use crate::reader::{Code, Problem, Span};

/// Finds what stock Spin 4.1 refuses or interprets differently. Empty if the manifest means the
/// same on both.
pub(crate) fn check(app: &App) -> Vec<Problem> {
    let shared = app.components.values().flat_map(|component| shared_packages(app, component));
    shared.chain(dots_in_routes(app)).chain(base(app)).chain(no_triggers(app)).collect()
}

/// Here, an application may consist of functions that only schedules or events call.
fn no_triggers(app: &App) -> Option<Problem> {
    let is_triggered = !app.http.is_empty()
        || !app.redis.is_empty()
        || !app.cron.is_empty()
        || app.command.is_some();
    let message = "stock Spin refuses an application without triggers";
    let problem = Problem::new(Code::NotPortable, message).warning();
    let at = app.origin.spans().key("trigger");
    let hint = "add a component, and a trigger with its route";
    (!is_triggered).then(|| problem.label(at, "nothing requests its components").hint(hint))
}

/// Spin no longer has a base path.
fn base(app: &App) -> Option<Problem> {
    let path = match app.origin.version() {
        Version::One => "trigger.base",
        Version::Two => "application.trigger.http.base",
    };
    let problem = Problem::new(Code::NotPortable, format!("stock Spin refuses `{path}`"));
    let problem = problem.warning().label(app.origin.spans().value(path), "only on this host");
    let hint = format!("remove it, and write `{}` before each route", app.http_base);
    (!app.http_base.is_empty()).then(|| problem.hint(hint))
}

/// Spin registers each dependency under the name of its package, so it refuses a second one of the
/// same package, with any interface and version.
fn shared_packages(app: &App, component: &Component) -> Vec<Problem> {
    let mut packages: Vec<(String, Vec<&Dependency>)> = Vec::new();
    for dependency in &component.dependencies {
        let name = ImportName::parse(&dependency.import).ok();
        let Some(package) = name.and_then(|name| name.package) else { continue };
        match packages.iter_mut().find(|(known, _)| *known == package) {
            Some((_, dependencies)) => dependencies.push(dependency),
            None => packages.push((package, vec![dependency])),
        }
    }
    let several = packages.into_iter().filter(|(_, dependencies)| dependencies.len() > 1);
    several
        .map(|(package, dependencies)| shared_package(app, component, &package, &dependencies))
        .collect()
}

fn shared_package(
    app: &App,
    component: &Component,
    package: &str,
    dependencies: &[&Dependency],
) -> Problem {
    let message = format!(
        "stock Spin refuses `{}`: {} of its dependencies name the package `{package}`",
        component.id,
        dependencies.len()
    );
    let mut problem = Problem::new(Code::NotPortable, message).warning();
    for dependency in dependencies {
        let at = app.origin.spans().key(&dependency_path(app, component, &dependency.import));
        problem = problem.label(at, format!("of `{package}`"));
    }
    problem.hint(one_dependency(package, dependencies))
}

/// The hint: one dependency for the package, if all have the same provider.
fn one_dependency(package: &str, dependencies: &[&Dependency]) -> String {
    let provider = |dependency: &Dependency| match &dependency.provider {
        Provider::Component { id, export: None } => Some(id.clone()),
        _ => None,
    };
    let version = |dependency: &Dependency| {
        ImportName::parse(&dependency.import).ok().and_then(|name| name.version)
    };
    let first = dependencies[0];
    let alike = |dependency: &&Dependency| {
        provider(dependency) == provider(first) && version(dependency) == version(first)
    };
    match provider(first).filter(|_| dependencies.iter().all(alike)) {
        Some(id) => {
            let version = version(first).map_or(String::new(), |version| format!("@{version}"));
            format!(
                "write one dependency for the package: \"{package}{version}\" = {{ component = \
                 \"{id}\", … }}"
            )
        }
        None => format!(
            "let one component provide all of `{package}`, and import the package without an interface"
        ),
    }
}

/// Spin's router orders routes by a comparison that is inconsistent for segments with a dot: which
/// of several routes is tried first depends on all of them.
fn dots_in_routes(app: &App) -> Vec<Problem> {
    let routes: Vec<(&HttpTrigger, &str)> = app
        .http
        .iter()
        .filter_map(|trigger| match &trigger.route {
            Route::Path(path) => Some((trigger, path.as_str())),
            Route::Private => None,
        })
        .collect();
    let has_dot = |path: &str| path.strip_suffix("/...").unwrap_or(path).contains('.');
    if routes.len() < 2 {
        return Vec::new();
    }
    let dotted = routes.into_iter().filter(|(_, path)| has_dot(path));
    dotted.map(|(trigger, path)| dot_in_route(route_span(app, trigger), path)).collect()
}

fn route_span(app: &App, trigger: &HttpTrigger) -> Span {
    app.origin.spans().value(&format!("{}.route", trigger.written_at))
}

fn dot_in_route(at: Span, path: &str) -> Problem {
    let message = format!("stock Spin may use another route for requests to `{path}`");
    Problem::new(Code::NotPortable, message)
        .warning()
        .label(at, "a dot in a segment")
        .hint("use the route `/...` for one component that distinguishes the paths, or use no dots")
}
