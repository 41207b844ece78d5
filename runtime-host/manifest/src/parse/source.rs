//! The source of a component's code.

use std::path::Path;

use crate::app::Source;
use crate::names;
use crate::path;
use crate::reader::{Code, Field, Problem, Table, listed};

/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// `source = …` of a component.
pub(super) fn read(field: &Field<'_>, folder: &Path) -> Option<Source> {
    if field.is_string() {
        return local(field, folder);
    }
    if !field.is_table() {
        field.wrong_type("a path, `{ url, digest }` or `{ registry, package, version }`");
        return None;
    }
    let mut table = field.table()?;
    let source = match (table.has("url"), table.has("package") || table.has("registry")) {
        (true, true) => {
            conflict(&table, &["url", "package", "registry"]);
            return None;
        }
        (true, false) => remote(&mut table),
        _ => registry(&mut table, exact_version),
    };
    table.finish();
    source
}

/// A file, relative to the manifest's directory.
pub(super) fn local(field: &Field<'_>, folder: &Path) -> Option<Source> {
    Some(Source::Local(path::join(folder, &field.text()?)))
}

/// Reports several sources.
pub(super) fn conflict(table: &Table<'_>, keys: &[&str]) {
    let present: Vec<_> = keys.iter().copied().filter(|key| table.has(key)).collect();
    table.field.problems.push(
        Problem::new(
            Code::ConflictingKeys,
            format!("`{}` has more than one source", table.field.path),
        )
        .label(table.field.span(), format!("has {}", listed(present)))
        .hint("keep one of them"),
    );
}

/// The keys `url` and `digest`.
pub(super) fn remote(table: &mut Table<'_>) -> Option<Source> {
    let url = table.required("url", "add `url = \"https://…\"`");
    let digest = table.required("digest", "add `digest = \"sha256:…\"`, as printed by `sha256sum`");
    let url = url.and_then(|field| self::url(&field));
    let digest = digest.and_then(|field| self::digest(&field));
    Some(Source::Remote { url: url?, digest: digest? })
}

fn url(field: &Field<'_>) -> Option<String> {
    let url = field.text()?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if rest.is_none_or(str::is_empty) {
        let hint = "write `https://…`; for a local file, write only its path";
        field.report(Code::BadValue, "is not an HTTP URL", "neither `http` nor `https`", hint);
        return None;
    }
    Some(url)
}

fn digest(field: &Field<'_>) -> Option<String> {
    let digest = field.text()?;
    let hex = digest.strip_prefix("sha256:");
    if hex
        .is_none_or(|hex| hex.len() != SHA256_DIGITS || !hex.chars().all(|c| c.is_ascii_hexdigit()))
    {
        let hint = format!(
            "write `sha256:` and {SHA256_DIGITS} hexadecimal digits, as printed by `sha256sum`"
        );
        field.report(Code::BadValue, "is not a SHA-256 digest", "not a digest", &hint);
        return None;
    }
    Some(digest.to_ascii_lowercase())
}

/// The keys `registry`, `package` and `version`, which `version` reads.
pub(super) fn registry(
    table: &mut Table<'_>,
    version: fn(&Field<'_>) -> Option<String>,
) -> Option<Source> {
    let registry = table.optional("registry").and_then(|field| host(&field));
    let package = table.required("package", "add `package = \"namespace:name\"`");
    let written = table.required("version", "add `version = \"1.2.3\"`");
    let package = package.and_then(|field| self::package(&field));
    let version = written.and_then(|field| version(&field));
    Some(Source::Registry { registry, package: package?, version: version? })
}

/// The host of a registry, which may have a port.
pub(super) fn host(field: &Field<'_>) -> Option<String> {
    let host = field.text()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    match host.chars().find(|c| !allowed(*c)) {
        None => Some(host),
        Some(c) => {
            let why = format!("it has {c:?}");
            let hint = "write only the host, for example `ghcr.io`";
            field.report_invalid(Code::BadValue, "the host of a registry", &why, hint);
            None
        }
    }
}

fn exact_version(field: &Field<'_>) -> Option<String> {
    let version = field.text()?;
    let Err(error) = semver::Version::parse(&version) else { return Some(version) };
    let hint = "write a full version, for example `1.2.3`";
    field.report_invalid(Code::BadValue, "a version", &error.to_string(), hint);
    None
}

/// The name of a package.
pub(super) fn package(field: &Field<'_>) -> Option<String> {
    let package = field.text()?;
    let Err(why) = names::package(&package) else { return Some(package) };
    let hint = "write `namespace:name`; the version is a separate key";
    field.report_invalid(Code::BadName, "a package name", &why, hint);
    None
}
