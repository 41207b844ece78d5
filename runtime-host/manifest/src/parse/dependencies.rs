//! `dependencies` of a component: imports that other components satisfy.

use std::path::Path;

use crate::app::{Dependency, Inherit, Provider, Source};
use crate::names;
use crate::parse::source;
use crate::reader::{Code, Field, Key, Problem, Table, listed, suggestion};

/// Permissions that a dependency can inherit from its importer.
const PERMISSIONS: [&str; 7] = [
    "ai_models",
    "allowed_outbound_hosts",
    "environment",
    "files",
    "key_value_stores",
    "sqlite_databases",
    "variables",
];

/// Keys for the source of a dependency.
const ORIGINS: [&str; 4] = ["component", "path", "url", "version"];

/// The parts of an import's name: `namespace:package/interface@version`.
pub(crate) struct ImportName {
    /// `namespace:package`; `None` for a plain name.
    pub(crate) package: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) version: Option<semver::Version>,
}

impl ImportName {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.contains([':', '/']) {
            return names::kebab(text).map(|()| Self {
                package: None,
                interface: None,
                version: None,
            });
        }
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => {
                let version = semver::Version::parse(version)
                    .map_err(|error| format!("`{version}` is not a version: {error}"))?;
                (name, Some(version))
            }
            None => (text, None),
        };
        let (package, interface) = match name.split_once('/') {
            Some((package, interface)) => (package, Some(interface)),
            None => (name, None),
        };
        names::package(package)?;
        interface.map_or(Ok(()), names::kebab)?;
        Ok(Self {
            package: Some(package.to_owned()),
            interface: interface.map(str::to_owned),
            version,
        })
    }
}

pub(super) fn read(field: &Field<'_>, folder: &Path) -> Vec<Dependency> {
    let entries = field.entries();
    entries.iter().filter_map(|(key, field)| dependency(key, field, folder)).collect()
}

fn dependency(key: &Key, field: &Field<'_>, folder: &Path) -> Option<Dependency> {
    let name = ImportName::parse(&key.name).map_err(|why| {
        let message = format!("`{}` is not a valid import name: {why}", key.name);
        let hint = "write `namespace:package/interface@1.2.3`, `namespace:package` or a plain \
                    kebab-case name";
        let span = key.span.clone();
        field.problems.report(Code::BadName, message, span, "not an import name", hint);
    });
    let name = name.ok();
    if field.is_string() {
        let version = requirement(field);
        let package = implied_package(field, name.as_ref());
        let source = Source::Registry { registry: None, package: package?, version: version? };
        let provider = Provider::Source { source, export: None };
        return Some(Dependency { import: key.name.clone(), provider, inherit: Inherit::Nothing });
    }
    if !field.is_table() {
        field.wrong_type("a version or a table");
        return None;
    }
    let mut table = field.table()?;
    let provider = provider(origin(&table)?, &mut table, name.as_ref(), folder);
    let inherit = inherit(&mut table);
    table.finish();
    let inherit = inherit.unwrap_or(Inherit::Nothing);
    Some(Dependency { import: key.name.clone(), provider: provider?, inherit })
}

/// The key of the only source.
pub(super) fn origin(table: &Table<'_>) -> Option<&'static str> {
    let present: Vec<_> = ORIGINS.into_iter().filter(|key| table.has(key)).collect();
    match present[..] {
        [origin] => return Some(origin),
        [] => {
            let hint = format!("add one of {}", listed(ORIGINS));
            table.field.report(Code::BadDependency, "has no source", "no source", &hint);
        }
        _ => source::conflict(table, &present),
    }
    None
}

fn provider(
    origin: &str,
    table: &mut Table<'_>,
    name: Option<&ImportName>,
    folder: &Path,
) -> Option<Provider> {
    let export = export(table, origin, name);
    let source = match origin {
        "component" => {
            let id = table.text("component")?;
            return Some(Provider::Component { id, export });
        }
        "path" => source::local(&table.optional("path")?, folder),
        "url" => source::remote(table),
        _ => registry(table, name),
    };
    Some(Provider::Source { source: source?, export })
}

/// `export`, which an import of a whole package cannot have: it imports all interfaces. From a URL
/// it can, as in Spin.
fn export(table: &mut Table<'_>, origin: &str, name: Option<&ImportName>) -> Option<String> {
    let field = table.optional("export")?;
    let whole_package = name.is_some_and(|name| name.package.is_some() && name.interface.is_none());
    if whole_package && origin != "url" {
        let hint = "import an interface, as `namespace:package/interface`, or remove `export`";
        field.report(
            Code::BadDependency,
            "selects one export for an import of a whole package",
            "one export",
            hint,
        );
        return None;
    }
    field.text()
}

fn registry(table: &mut Table<'_>, name: Option<&ImportName>) -> Option<Source> {
    let version = table.optional("version").and_then(|field| requirement(&field));
    let registry = table.optional("registry").and_then(|field| source::host(&field));
    let package = match table.optional("package") {
        Some(field) => source::package(&field),
        None => implied_package(&table.field, name),
    };
    Some(Source::Registry { registry, package: package?, version: version? })
}

/// A version or a range of versions.
pub(super) fn requirement(field: &Field<'_>) -> Option<String> {
    let version = field.text()?;
    let Err(error) = semver::VersionReq::parse(&version) else { return Some(version) };
    let hint = "write `1.2.3` or `>= 1.2`; for a file, write `{ path = \"…\" }`";
    let what = "a version or a range of versions";
    field.report_invalid(Code::BadValue, what, &error.to_string(), hint);
    None
}

/// The package in the name of an import.
fn implied_package(field: &Field<'_>, name: Option<&ImportName>) -> Option<String> {
    let name = name?;
    if name.package.is_none() {
        let hint = "write `{ version = \"…\", package = \"namespace:name\" }`";
        field.report(Code::BadDependency, "has a plain name, and no `package`", "no package", hint);
    }
    name.package.clone()
}

/// `inherit_configuration`.
pub(super) fn inherit(table: &mut Table<'_>) -> Option<Inherit> {
    table.optional("inherit_configuration").map(|field| permissions(&field))
}

fn permissions(field: &Field<'_>) -> Inherit {
    if field.is_boolean() {
        return match field.boolean() {
            Some(true) => Inherit::All,
            _ => Inherit::Nothing,
        };
    }
    let Some(items) = field.items_if_array() else {
        field.wrong_type("a boolean or an array of permissions");
        return Inherit::Nothing;
    };
    let mut keys = Vec::new();
    for item in items {
        let Some(key) = item.string() else { continue };
        if !PERMISSIONS.contains(&key.as_str()) {
            let message = format!("`{}` is the unknown permission `{key}`", item.path);
            let problem = Problem::new(Code::BadValue, message).warning();
            let problem = problem.label(item.span(), "has no effect");
            item.problems.push(problem.hint(suggestion(&key, PERMISSIONS)));
        }
        keys.push(key);
    }
    Inherit::Keys(keys)
}
