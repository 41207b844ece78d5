//! From the document to the application: one file per table of the manifest.
//!
//! A component with a problem still becomes a [`Component`](crate::app::Component), so that a
//! missing `source` does not cause further problems at every trigger of that component. Such an
//! application is never returned: `parse` returns one only if there are no problems.

mod application;
mod component;
mod dependencies;
mod files;
mod http;
mod redis;
mod schedule;
mod source;
mod subscribe;
mod tool;
mod trigger;
mod variables;

pub(crate) use dependencies::ImportName;
pub(crate) use tool::HOST;

use std::collections::BTreeMap;
use std::path::Path;

use crate::app::App;
use crate::origin::Origin;
use crate::reader::{Code, Field, Problem, Table};

/// Reads the whole manifest; `None` if it has another version.
pub(crate) fn manifest(root: &Field<'_>, folder: &Path, origin: Origin) -> Option<App> {
    let mut root = root.table()?;
    if !version(&mut root) {
        return None;
    }
    let application = root
        .required("application", "add `[application]` with `name = \"…\"`")
        .and_then(|field| application::read(&field))
        .unwrap_or_default();
    let variables = root.optional("variables").map(|field| variables::read(&field));
    let mut components = match root.optional("component") {
        Some(field) => component::read_all(&field, folder),
        None => BTreeMap::new(),
    };
    let hint = "add `[[trigger.http]]` with `route = \"/...\"` and `component = \"…\"`";
    let triggers = root.required("trigger", hint);
    let triggers = trigger::read(triggers, &application.http_base, folder, &mut components);
    root.finish();
    Some(App {
        name: application.name,
        folder: folder.to_owned(),
        variables: variables.unwrap_or_default(),
        components,
        http_base: application.http_base,
        http: triggers.http,
        redis_address: application.redis_address,
        redis: triggers.redis,
        settings: application.settings,
        origin,
    })
}

/// Reads `spin_manifest_version`; false if the rest cannot be read.
fn version(root: &mut Table<'_>) -> bool {
    let old = Problem::new(
        Code::ManifestVersion,
        "the manifest has version 1, and only version 2 is supported",
    )
    .hint("`spin doctor` can convert it, or see https://spinframework.dev/manifest-reference");
    if let Some(field) = root.deprecated("spin_version") {
        field.problems.push(old.label(field.key, "a key of version 1"));
        return false;
    }
    let Some(field) = root.required("spin_manifest_version", "add `spin_manifest_version = 2`")
    else {
        return true;
    };
    let number = if field.is_string() {
        field.string().and_then(|text| text.parse().ok())
    } else {
        field.integer()
    };
    let report = |message| {
        let hint = "write `spin_manifest_version = 2`";
        field.report(Code::ManifestVersion, message, "must be 2", hint);
    };
    match number {
        Some(2) => return true,
        Some(1) => field.problems.push(old.label(field.span(), "version 1")),
        Some(_) => report("is not a supported version"),
        None if field.is_string() => report("is not a number"),
        None => {}
    }
    number.is_none()
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
