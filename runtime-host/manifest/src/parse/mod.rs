//! From the document to the application: one file per table of the manifest.
//!
//! A component with a problem still becomes a [`Component`](crate::app::Component), so that a
//! missing `source` does not cause further problems at every trigger of that component. Such an
//! application is never returned: `parse` returns one only if there are no problems.

mod application;
mod build;
mod calls;
mod command;
mod component;
mod cron;
mod dependencies;
mod executor;
mod files;
mod hosts;
mod http;
mod middleware;
mod policies;
mod profile;
mod redis;
mod schedule;
mod source;
mod static_response;
mod subscribe;
mod tool;
mod trigger;
mod variables;
mod version_1;

pub(crate) use dependencies::ImportName;
pub(crate) use tool::HOST;

use std::path::Path;

use crate::app::App;
use crate::origin::{Origin, Version};
use crate::reader::{Code, Field, Table};

/// What the readers of all tables need.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The manifest's directory.
    folder: &'a Path,
    /// The chosen build profile.
    profile: Option<&'a str>,
}

/// Reads the whole manifest; `None` if it has an unknown version.
pub(crate) fn manifest(root: &Field<'_>, folder: &Path, mut origin: Origin) -> Option<App> {
    let mut root = root.table()?;
    origin.version = version(&mut root)?;
    let profile = origin.profile().map(str::to_owned);
    let scope = Scope { folder, profile: profile.as_deref() };
    Some(match origin.version {
        Version::One => version_1::manifest(root, scope, origin),
        Version::Two => version_2(root, scope, origin),
    })
}

fn version_2(mut root: Table<'_>, scope: Scope<'_>, origin: Origin) -> App {
    let application = root
        .required("application", "add `[application]` with `name = \"…\"`")
        .and_then(|field| application::read(&field))
        .unwrap_or_default();
    let variables = root.optional("variables").map(|field| variables::read(&field));
    let components = root.optional("component");
    let components = components.map(|field| component::read_all(&field, scope));
    let mut components = components.unwrap_or_default();
    let hint = "add `[[trigger.http]]` with `route = \"/...\"` and `component = \"…\"`";
    let triggers = root.required("trigger", hint);
    let triggers = trigger::read(triggers, &application.http_base, scope, &mut components);
    root.finish();
    application.into_app(scope, variables.unwrap_or_default(), components, triggers, origin)
}

/// The version of the format; `None` if it is unknown. A missing one is reported, and the rest is
/// read as version 2.
fn version(root: &mut Table<'_>) -> Option<Version> {
    let older = root.deprecated("spin_version");
    if older.is_none() && !root.has("spin_manifest_version") {
        root.required("spin_manifest_version", "add `spin_manifest_version = 2`");
        return Some(Version::Two);
    }
    let is_older = older.is_some();
    let field = older.or_else(|| root.optional("spin_manifest_version"))?;
    let number = if field.is_string() {
        field.string().map(|text| text.parse().unwrap_or(0))
    } else {
        field.integer()
    };
    match number {
        Some(1) => Some(Version::One),
        Some(2) if !is_older => Some(Version::Two),
        Some(_) => {
            let hint = "write `spin_manifest_version = 2`";
            field.report(Code::ManifestVersion, "is not a version of manifests", "not 2", hint);
            None
        }
        None => Some(Version::Two),
    }
}

/// The strings of an array. `is_valid` reports those that are not valid; duplicates of valid ones
/// are reported here.
fn distinct_texts(items: &[Field<'_>], is_valid: impl Fn(&Field<'_>, &str) -> bool) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        if is_valid(item, &text) && texts.contains(&text) {
            let message = format!("is a duplicate of `{text}`");
            item.report(Code::DuplicateEntry, &message, "duplicate", "remove it");
        }
        texts.push(text);
    }
    texts
}

/// The strings of an array.
fn strings(field: &Field<'_>) -> Vec<String> {
    field.items().unwrap_or_default().iter().filter_map(Field::string).collect()
}
