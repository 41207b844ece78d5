//! `profile` of a component: what replaces its other keys if that build profile is chosen.

use crate::app::{Build, Component, Dependency};
use crate::parse::{Scope, build, component, dependencies, source};
use crate::reader::Field;

/// Reads all profiles, and applies the chosen one.
pub(super) fn read_all(field: &Field<'_>, scope: Scope<'_>, component: &mut Component) {
    for (key, field) in field.entries() {
        component.profiles.insert(key.name.clone());
        if scope.profile == Some(key.name.as_str()) {
            apply(&field, scope, component);
        } else {
            // Only for its problems.
            apply(&field, scope, &mut component.clone());
        }
    }
}

/// The source is replaced, and so are the commands of the build; variables of the environment and
/// dependencies are added to the others.
fn apply(field: &Field<'_>, scope: Scope<'_>, component: &mut Component) {
    let Some(mut table) = field.table() else { return };
    let source = table.optional("source").and_then(|field| source::read(&field, scope.folder));
    if let Some(source) = source {
        component.source = source;
    }
    if let Some(field) = table.optional("environment") {
        component.environment.extend(component::environment(&field));
    }
    if let Some(field) = table.optional("dependencies") {
        for dependency in dependencies::read(&field, scope.folder) {
            add(&mut component.dependencies, dependency);
        }
    }
    if let Some(mut build) = table.optional("build").and_then(|field| field.table()) {
        let commands = build::commands(&mut build);
        build.finish();
        if let Some(commands) = commands {
            let (workdir, watch) = match component.build.take() {
                Some(own) => (own.workdir, own.watch),
                None => (scope.folder.to_owned(), Vec::new()),
            };
            component.build = Some(Build { commands, workdir, watch });
        }
    }
    table.finish();
}

/// Adds a dependency in the place of one for the same import.
fn add(dependencies: &mut Vec<Dependency>, new: Dependency) {
    match dependencies.iter_mut().find(|known| known.import == new.import) {
        Some(known) => *known = new,
        None => dependencies.push(new),
    }
}
