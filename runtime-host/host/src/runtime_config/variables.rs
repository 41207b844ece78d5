//! `[[variables_provider]]`, also under its older name `[[config_provider]]`.

use super::reader::{Code, Errors, Field, Problems, Table};
use crate::capabilities::variables::{Provider, Vault};
use std::collections::BTreeMap;
use std::path::Path;
use tessera_strict_toml::Document;

/// The types of Spin.
#[derive(Clone, Copy)]
enum Type {
    Static,
    Environment,
    Vault,
    AzureKeyVault,
}

const TYPES: [(&str, Type); 4] = [
    ("static", Type::Static),
    ("env", Type::Environment),
    ("vault", Type::Vault),
    ("azure_key_vault", Type::AzureKeyVault),
];

pub(super) fn read(root: &mut Table<'_>) -> Vec<Provider> {
    let current = root.optional("variables_provider");
    let older = root.deprecated("config_provider");
    if let (Some(_), Some(older)) = (&current, &older) {
        let hint = "move its tables to `variables_provider`";
        let message = "is the older name of `variables_provider`, and the file has both";
        older.report(Code::ConflictingKeys, message, "the older name", hint);
    }
    let tables = current.or(older).and_then(|field| field.items()).unwrap_or_default();
    tables.iter().filter_map(|field| provider(field.table()?)).collect()
}

fn provider(mut table: Table<'_>) -> Option<Provider> {
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
            let dotenv = table.optional("dotenv_path").map(|field| dotenv(&field));
            Provider::Environment { prefix, dotenv: dotenv.unwrap_or_default() }
        }
        Type::Vault => vault(&mut table)?,
        Type::AzureKeyVault => {
            let message = "is not supported: this host has no client of Azure";
            let hint = "set these variables in another way, for example with `type = \"static\"`";
            kind.report(Code::Unsupported, message, "not supported", hint);
            return None;
        }
    };
    table.finish();
    Some(provider)
}

fn vault(table: &mut Table<'_>) -> Option<Provider> {
    let url = table.required("url", "add `url = \"https://vault.example:8200\"`");
    let url = url.and_then(|field| http_url(&field));
    let token = table.required_text("token", "add `token = \"…\"`");
    let mount = table.required_text("mount", "add the path of the engine: `mount = \"secret\"`");
    let prefix = table.text("prefix");
    Some(Provider::Vault(Vault { url: url?, token: token?, mount: mount?, prefix }))
}

fn http_url(field: &Field<'_>) -> Option<String> {
    let url = field.text()?;
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(url);
    }
    let hint = "write a URL that begins with `http://` or `https://`";
    field.report_invalid(Code::BadValue, "a URL", "its scheme is missing", hint);
    None
}

/// The environment variables in a file whose path starts, as in Spin, in the working directory.
fn dotenv(field: &Field<'_>) -> BTreeMap<String, String> {
    let Some(path) = field.string() else { return BTreeMap::new() };
    let path = std::path::absolute(&path).unwrap_or(path.into());
    dotenv_file(&path).unwrap_or_else(|why| {
        let message = format!("is {}, {why}", path.display());
        let hint = "each line is `NAME=value` or a comment";
        field.report(Code::BadFile, &message, "unusable file", hint);
        BTreeMap::new()
    })
}

/// Lines `NAME=value`. A file that does not exist is empty, as in Spin. The error says what the file
/// is.
pub(crate) fn dotenv_file(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let lines = match dotenvy::from_path_iter(path) {
        Ok(lines) => lines,
        Err(error) if error.not_found() => return Ok(BTreeMap::new()),
        Err(error) => return Err(format!("a file that cannot be read ({error})")),
    };
    // The error would quote the line, and with it a secret.
    let values = lines.collect::<Result<_, _>>();
    values.map_err(|_| "a file with a line that is neither `NAME=value` nor a comment".to_owned())
}

/// The names and values in a TOML file, as in `values` of a static provider.
pub(crate) fn variables_file(path: &Path, text: &str) -> Result<BTreeMap<String, String>, Errors> {
    let problems = Problems::default();
    let document = Document::parse(text, &problems);
    let values = document.iter().flat_map(|document| {
        let root = document.root(&problems);
        let entries = root.string_entries();
        entries.map(|(key, value)| (key.name.clone(), value)).collect::<Vec<_>>()
    });
    let values = values.collect();
    problems.into_result(path, text)?;
    Ok(values)
}
