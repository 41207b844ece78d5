//! Where a component's bytes come from.

use std::path::Path;

use crate::app::Source;
use crate::document::{Field, Table};
use crate::names;
use crate::path;
use crate::problem::{Code, Problem};

/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

/// `source = …` of a component.
pub(super) fn read(field: &Field<'_>, folder: &Path) -> Option<Source> {
    if field.is_text() {
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
        _ => registry(&mut table),
    };
    table.finish();
    source
}

/// A file, seen from the manifest's folder.
pub(super) fn local(field: &Field<'_>, folder: &Path) -> Option<Source> {
    Some(Source::Local(path::join(folder, &field.filled_text()?.value)))
}

/// Reports that several ways of saying where something comes from are mixed.
pub(super) fn conflict(table: &Table<'_>, keys: &[&str]) {
    let present: Vec<_> = keys.iter().copied().filter(|key| table.has(key)).collect();
    table.field.problems.push(
        Problem::new(
            Code::ConflictingKeys,
            format!("`{}` says more than once where it comes from", table.field.path),
        )
        .label(table.field.span(), format!("has {}", crate::document::listed(present)))
        .hint("keep one of them"),
    );
}

/// The keys `url` and `digest`.
pub(super) fn remote(table: &mut Table<'_>) -> Option<Source> {
    let url = table.required("url", "add `url = \"https://…\"`");
    let digest = table.required("digest", "add `digest = \"sha256:…\"`, as `sha256sum` prints it");
    let url = url.and_then(|field| self::url(&field));
    let digest = digest.and_then(|field| self::digest(&field));
    Some(Source::Remote { url: url?, digest: digest? })
}

fn url(field: &Field<'_>) -> Option<String> {
    let url = field.filled_text()?.value;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if rest.is_none_or(str::is_empty) {
        let hint = "write `https://…`; a file of this machine is named by its path alone";
        field.fault(Code::BadValue, "is not a web address", "neither http nor https", hint);
        return None;
    }
    Some(url)
}

fn digest(field: &Field<'_>) -> Option<String> {
    let digest = field.filled_text()?.value;
    let hex = digest.strip_prefix("sha256:");
    if hex
        .is_none_or(|hex| hex.len() != SHA256_DIGITS || !hex.chars().all(|c| c.is_ascii_hexdigit()))
    {
        let hint = format!(
            "write `sha256:` and {SHA256_DIGITS} hexadecimal digits, as `sha256sum` prints them"
        );
        field.fault(Code::BadValue, "is not a SHA-256", "not a digest", &hint);
        return None;
    }
    Some(digest)
}

/// The keys `registry`, `package` and an exact `version`.
fn registry(table: &mut Table<'_>) -> Option<Source> {
    let registry = table.optional("registry").and_then(|field| field.filled_text());
    let package = table.required("package", "add `package = \"namespace:name\"`");
    let version = table.required("version", "add `version = \"1.2.3\"`");
    let package = package.and_then(|field| self::package(&field));
    let version = version.and_then(|field| {
        let version = field.filled_text()?.value;
        let Err(error) = semver::Version::parse(&version) else { return Some(version) };
        field.fault(
            Code::BadValue,
            &format!("is not a version: {error}"),
            "not a version",
            "write a full version, as `1.2.3`",
        );
        None
    });
    Some(Source::Registry {
        registry: registry.map(|text| text.value),
        package: package?,
        version: version?,
    })
}

/// A package's name.
pub(super) fn package(field: &Field<'_>) -> Option<String> {
    let package = field.filled_text()?.value;
    let Err(why) = names::package(&package) else { return Some(package) };
    let hint = "a package is named as `namespace:name`, its version is a key of its own";
    field.fault(Code::BadName, &format!("is not a package's name: {why}"), "not a package", hint);
    None
}
