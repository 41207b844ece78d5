//! From the tree to the application: one file per table of the manifest.
//!
//! Readers are total where others refer to what they read: a component with a fault still
//! becomes a [`Component`](crate::app::Component), so that one missing `source` does not
//! make every trigger of it look wrong too. Nobody sees such an application: `parse` returns
//! one only if there are no problems at all.

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
use crate::document::{Field, Table};
use crate::origin::Origin;
use crate::problem::{Code, Problem, Problems};
use crate::tree::Node;

/// Reads the whole manifest; `None` if it is written for another version.
pub(crate) fn manifest(
    root: &Node,
    folder: &Path,
    origin: Origin,
    problems: &Problems,
) -> Option<App> {
    let mut root = Field::root(root, problems).table()?;
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
        version: application.version,
        description: application.description,
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

/// Reads `spin_manifest_version`; false if all that follows would be read in vain.
fn version(root: &mut Table<'_>) -> bool {
    let old = Problem::new(
        Code::ManifestVersion,
        "this manifest is written for version 1; only version 2 is read",
    )
    .hint("`spin doctor` can convert it, or see https://spinframework.dev/manifest-reference");
    if let Some(field) = root.retired("spin_version") {
        field.problems.push(old.label(field.key, "a key of version 1"));
        return false;
    }
    let Some(field) = root.required("spin_manifest_version", "add `spin_manifest_version = 2`")
    else {
        return true;
    };
    let number = if field.is_text() {
        field.text().and_then(|text| text.value.parse().ok())
    } else {
        field.integer()
    };
    match number {
        Some(2) => true,
        Some(1) => {
            field.problems.push(old.label(field.span(), "version 1"));
            false
        }
        Some(_) => {
            field.fault(
                Code::ManifestVersion,
                "is not a version that is read",
                "must be 2",
                "write `spin_manifest_version = 2`",
            );
            false
        }
        None if field.is_text() => {
            field.fault(
                Code::ManifestVersion,
                "is not a number",
                "must be 2",
                "write `spin_manifest_version = 2`",
            );
            true
        }
        None => true,
    }
}
