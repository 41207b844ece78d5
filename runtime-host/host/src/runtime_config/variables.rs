//! `[[variables_provider]]`, also under its older name `[[config_provider]]`.

use super::document::{Table, choice};
use crate::capabilities::variables::Provider;
use std::collections::BTreeMap;
use std::path::Path;

/// All types that Spin knows.
const TYPES: [&str; 5] = ["static", "env", "vault", "open_bao", "azure_key_vault"];

pub(super) fn read(root: &Table<'_>, folder: &Path, warnings: &mut Vec<String>) -> Vec<Provider> {
    let mut tables = root.list("variables_provider");
    let older = root.list("config_provider");
    if tables.is_empty() {
        tables = older;
    } else if !older.is_empty() {
        let hint = "move its tables to `variables_provider`";
        root.fault("config_provider", "is the older name of `variables_provider`", hint);
    }
    tables.iter().filter_map(|table| provider(table, folder, warnings)).collect()
}

fn provider(table: &Table<'_>, folder: &Path, warnings: &mut Vec<String>) -> Option<Provider> {
    let kind = table.required_text("type")?;
    let provider = match kind.as_str() {
        "static" => {
            let values = table.texts("values");
            if values.is_none() && !table.skip("values") {
                table.missing("values", "add `values = { name = \"value\" }`");
            }
            values.map(|values| Provider::Static(values.into_iter().collect()))
        }
        "env" => {
            let prefix = table.text("prefix");
            let dotenv = table.text("dotenv_path").map(|path| dotenv(table, &folder.join(path)));
            Some(Provider::Environment { prefix, dotenv: dotenv.unwrap_or_default() })
        }
        other if TYPES.contains(&other) => {
            warnings.push(format!(
                "`{}` of type `{other}` has no effect: this host does not offer that type yet",
                table.path
            ));
            return None;
        }
        other => {
            let advice = choice(other, &TYPES);
            table.fault("type", &format!("cannot be `{other}`"), &advice);
            return None;
        }
    };
    table.finish();
    provider
}

/// Lines `NAME=value`. A file that is not there holds nothing, as in Spin.
fn dotenv(table: &Table<'_>, path: &Path) -> BTreeMap<String, String> {
    let lines = match dotenvy::from_path_iter(path) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return BTreeMap::new(),
        Err(error) => {
            let message = format!("names {}, which cannot be read: {error}", path.display());
            table.fault("dotenv_path", &message, "check the file's permissions");
            return BTreeMap::new();
        }
    };
    match lines.collect::<Result<_, _>>() {
        Ok(values) => values,
        // The error would quote the line, and with it a secret.
        Err(_) => {
            let message = format!("names {}, which has a bad line", path.display());
            table.fault("dotenv_path", &message, "each line is `NAME=value` or a comment");
            BTreeMap::new()
        }
    }
}
