//! `[[variables_provider]]`, also under its older name `[[config_provider]]`.

use super::reader::{Code, Field, Table};
use crate::capabilities::variables::Provider;
use std::collections::BTreeMap;
use std::path::Path;

/// The types of Spin.
#[derive(Clone, Copy)]
enum Type {
    Static,
    Environment,
    /// A type that this host does not support.
    Unsupported(&'static str),
}

const TYPES: [(&str, Type); 5] = [
    ("static", Type::Static),
    ("env", Type::Environment),
    ("vault", Type::Unsupported("vault")),
    ("open_bao", Type::Unsupported("open_bao")),
    ("azure_key_vault", Type::Unsupported("azure_key_vault")),
];

pub(super) fn read(
    root: &mut Table<'_>,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Vec<Provider> {
    let current = root.optional("variables_provider");
    let older = root.deprecated("config_provider");
    if let (Some(_), Some(older)) = (&current, &older) {
        let hint = "move its tables to `variables_provider`";
        let message = "is the older name of `variables_provider`, and the file has both";
        older.report(Code::ConflictingKeys, message, "the older name", hint);
    }
    let tables = current.or(older).and_then(|field| field.items()).unwrap_or_default();
    tables.iter().filter_map(|field| provider(field.table()?, folder, warnings)).collect()
}

fn provider(mut table: Table<'_>, folder: &Path, warnings: &mut Vec<String>) -> Option<Provider> {
    let kind = table.required("type", "add `type = \"…\"`")?;
    let provider = match kind.one_of(&TYPES)? {
        Type::Static => {
            let values = table.required("values", "add `values = { name = \"value\" }`");
            let values = values.map(|values| values.string_entries().collect::<Vec<_>>());
            let named = values.unwrap_or_default().into_iter();
            Provider::Static(named.map(|(key, value)| (key.name.clone(), value)).collect())
        }
        Type::Environment => {
            let prefix = table.string("prefix");
            let dotenv = table.optional("dotenv_path").map(|field| dotenv(&field, folder));
            Provider::Environment { prefix, dotenv: dotenv.unwrap_or_default() }
        }
        Type::Unsupported(kind) => {
            let path = &table.field.path;
            warnings.push(format!(
                "`{path}` has no effect: providers of type `{kind}` are not supported yet"
            ));
            return None;
        }
    };
    table.finish();
    Some(provider)
}

/// Lines `NAME=value`. A file that does not exist is empty, as in Spin.
fn dotenv(field: &Field<'_>, folder: &Path) -> BTreeMap<String, String> {
    let Some(path) = field.string() else { return BTreeMap::new() };
    let path = folder.join(path);
    let report = |why: &str, hint: &str| {
        let message = format!("is {}, {why}", path.display());
        field.report(Code::BadFile, &message, "unusable file", hint);
        BTreeMap::new()
    };
    let lines = match dotenvy::from_path_iter(&path) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return BTreeMap::new(),
        Err(error) => {
            return report(&format!("which cannot be read: {error}"), "check its permissions");
        }
    };
    // The error would quote the line, and with it a secret.
    let values = lines.collect::<Result<_, _>>();
    values.unwrap_or_else(|_| {
        report("which has an invalid line", "each line is `NAME=value` or a comment")
    })
}
