//! `runtime-config.toml`: the operator's configuration of one installation, in Spin's format.
//!
//! Stock Spin uses the same file. There are two differences to Spin: all problems are reported at
//! once with their locations, and a store that is not configured is a file in the state directory,
//! not an error.

mod client_tls;
mod databases;
mod language_models;
mod outbound;
mod reader;
mod stores;
mod variables;

pub(crate) use reader::Errors;
pub(crate) use stores::{OpenStores, StoreKind};
pub(crate) use variables::{dotenv_file, variables_file};

use crate::capabilities::outbound_http::OutboundPolicy;
use crate::capabilities::sqlite::Database;
use crate::capabilities::variables::Provider;
use language_models::LanguageModels;
use reader::{Code, Field, Problem, Problems, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use tessera_strict_toml::Document;

/// The memory of an instance, in bytes. A smaller value is most likely in another unit.
pub(crate) const INSTANCE_MEMORY: RangeInclusive<u64> = 64 << 10..=4 << 30;

/// Maximum size of the file.
const LENGTH_MAX_BYTES: u64 = 1024 * 1024;
/// The keys of the providers of variables.
const PROVIDERS: [&str; 2] = ["variables_provider", "config_provider"];

/// The contents of the file; empty without a file.
#[derive(Debug, Default)]
pub(crate) struct RuntimeConfig {
    /// The absolute path of the state directory; empty for a temporary one. `--state-dir` overrides
    /// it.
    pub(crate) state_dir: Option<PathBuf>,
    /// The absolute path of the directory for the output of components; empty for none.
    /// `--log-dir` overrides it.
    pub(crate) log_dir: Option<PathBuf>,
    /// The memory of an instance. `--max-instance-memory` overrides it.
    pub(crate) max_instance_memory: Option<u64>,
    /// Key-value stores by label.
    pub(crate) stores: BTreeMap<String, StoreKind>,
    /// SQLite databases by label.
    databases: BTreeMap<String, Database>,
    language_models: Option<LanguageModels>,
    /// Providers of variables, in the order of their priority.
    pub(crate) providers: Vec<Provider>,
    pub(crate) outbound: OutboundPolicy,
    /// Warnings about keys without effect.
    pub(crate) warnings: Vec<String>,
    /// The text of the file, to find out later what has changed.
    pub(crate) text: Option<String>,
}

impl RuntimeConfig {
    /// Reads a file. Relative paths in it are relative to its directory.
    pub(crate) fn load(path: &Path) -> Result<Self, Errors> {
        let text = read(path).map_err(|message| {
            let hint = "set another file with `--runtime-config-file`, or remove the option";
            Errors::new(path, "", vec![Problem::new(Code::Unreadable, message).hint(hint)])
        })?;
        let config = Self::parse(path, &text)?;
        Ok(Self { text: Some(text), ..config })
    }

    /// Reads the text of the file at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Errors> {
        let problems = Problems::default();
        let document = Document::parse(text, &problems);
        let table = document.as_ref().and_then(|document| document.root(&problems).table());
        let folder = path.parent().unwrap_or(Path::new("."));
        let config = table.map(|table| Self::of(table, folder)).unwrap_or_default();
        problems.into_result(path, text)?;
        Ok(config)
    }

    fn of(mut root: Table<'_>, folder: &Path) -> Self {
        let mut warnings = Vec::new();
        let config = Self {
            state_dir: root.string("state_dir").map(absolute),
            log_dir: root.string("log_dir").map(absolute),
            max_instance_memory: root.optional("max_instance_memory").and_then(|f| memory(&f)),
            stores: stores::read(&mut root, folder),
            databases: databases::read(&mut root),
            language_models: language_models::read(&mut root),
            providers: variables::read(&mut root),
            outbound: outbound::read(&mut root, folder, &mut warnings),
            warnings,
            text: None,
        };
        root.finish();
        config
    }
}

/// The keys that differ between two versions of a file and that are read only at a start. The
/// providers of variables are read again. Both versions are valid.
pub(crate) fn needs_restart(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (fixed(before), fixed(after));
    let names = before.keys().chain(after.keys()).collect::<BTreeSet<_>>();
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    names.into_iter().filter(differs).cloned().collect()
}

fn fixed(text: &str) -> BTreeMap<String, serde_json::Value> {
    let mut keys: BTreeMap<_, _> = toml_edit::de::from_str(text).unwrap_or_default();
    keys.retain(|key: &String, _| !PROVIDERS.contains(&key.as_str()));
    keys
}

/// The path from the working directory, as in Spin. An empty one stays empty.
fn absolute(path: String) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path.into())
}

fn memory(field: &Field<'_>) -> Option<u64> {
    let bytes =
        u64::try_from(field.integer()?).ok().filter(|bytes| INSTANCE_MEMORY.contains(bytes));
    if bytes.is_none() {
        let hint = format!("write {} to {} bytes", INSTANCE_MEMORY.start(), INSTANCE_MEMORY.end());
        field.report(Code::BadValue, "is out of range", "out of range", &hint);
    }
    bytes
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > LENGTH_MAX_BYTES {
        return Err(format!("the file is longer than {LENGTH_MAX_BYTES} bytes"));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<RuntimeConfig, Errors> {
        RuntimeConfig::parse(Path::new("/app/runtime-config.toml"), text)
    }

    #[test]
    fn stores_have_a_file_or_stay_in_memory() {
        let config = parse(
            r#"
            state_dir = "/var/lib/shop"
            [key_value_store.orders]
            type = "spin"
            path = "data/orders.db"
            [key_value_store.cart]
            type = "spin"
            [key_value_store.shared]
            type = "redis"
            url = "redis://:secret@localhost"
            [key_value_store.far]
            type = "aws_dynamo"
            "#,
        )
        .unwrap();
        assert_eq!(config.state_dir.as_deref(), Some(Path::new("/var/lib/shop")));
        let kind = |label: &str| format!("{:?}", config.stores[label]);
        assert_eq!(kind("orders"), "File(\"/app/data/orders.db\")");
        assert_eq!(kind("cart"), "Memory");
        assert_eq!(kind("far"), "Unsupported(\"aws_dynamo\")");
        let StoreKind::Redis(url, address) = &config.stores["shared"] else { panic!("Redis") };
        assert_eq!(url, "redis://:secret@localhost");
        assert_eq!(address.to_string(), "redis://localhost:6379");
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn only_providers_of_variables_are_read_again() {
        let before = "state_dir = \"a\"\n[[variables_provider]]\ntype = \"static\"\nvalues = {}\n";
        assert!(needs_restart(before, &before.replace("static", "env")).is_empty());
        assert!(needs_restart(before, &format!("# A comment.\n{before}")).is_empty());
        assert_eq!(needs_restart(before, &before.replace("\"a\"", "\"b\"")), ["state_dir"]);
        assert_eq!(
            needs_restart("", "[key_value_store.a]\ntype = \"spin\"\n"),
            ["key_value_store"]
        );
    }

    #[test]
    fn directories_are_absolute_or_empty() {
        let config = parse("state_dir = \"\"\nlog_dir = \"logs\"\n").unwrap();
        assert_eq!(config.state_dir.as_deref(), Some(Path::new("")));
        assert!(config.log_dir.unwrap().is_absolute());
    }

    #[test]
    fn all_problems_are_reported_with_their_locations_and_hints() {
        let errors = parse(
            "state_dirr = \"x\"\n[key_value_store.a]\ntype = \"spinn\"\n\
             [key_value_store.b]\ntype = \"spin\"\npaht = \"x\"\n[key_value_store.c]\n",
        )
        .unwrap_err();
        let expected = "\
            /app/runtime-config.toml:1:1: unknown key `state_dirr` \
            [tessera::runtime_config::unknown_key]\n  \
            hint: did you mean `state_dir`?\n\
            /app/runtime-config.toml:3:8: `key_value_store.a.type` has the unknown value `spinn` \
            [tessera::runtime_config::bad_value]\n  \
            hint: did you mean `spin`?\n\
            /app/runtime-config.toml:6:1: unknown key `key_value_store.b.paht` \
            [tessera::runtime_config::unknown_key]\n  \
            hint: did you mean `path`?\n\
            /app/runtime-config.toml:7:18: missing key `key_value_store.c.type` \
            [tessera::runtime_config::missing_key]\n  \
            hint: add `type = \"spin\"`\n";
        assert_eq!(format!("{errors:#}"), expected);
    }

    #[test]
    fn an_address_of_redis_is_checked_and_not_shown() {
        let errors = parse(
            "[key_value_store.a]\ntype = \"redis\"\nurl = \"http://u:secret@x\"\n\
             [key_value_store.b]\ntype = \"redis\"\n",
        )
        .unwrap_err();
        let text = errors.to_string();
        assert!(text.contains(":3:7") && !text.contains("secret"), "{text}");
        assert!(
            format!("{errors:#}").contains("missing key `key_value_store.b.url`"),
            "{errors:#}"
        );
    }

    #[test]
    fn wrong_types_and_invalid_syntax_have_locations() {
        let errors =
            parse("state_dir = 1\n[[variables_provider]]\ntype = \"static\"\n").unwrap_err();
        let text = format!("{errors:#}");
        assert!(text.contains(":1:13: `state_dir` must be a string, not an integer"), "{text}");
        assert!(text.contains(":2:1: missing key `variables_provider[0].values`"), "{text}");
        let text = format!("{:#}", parse("a = [\n").unwrap_err());
        assert!(text.contains("runtime-config.toml:"), "{text}");
    }

    #[test]
    fn providers_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.env");
        std::fs::write(&path, "# comment\nSHOP_A=\"1 2\"\n").unwrap();
        let config = parse(&format!(
            "[[variables_provider]]\ntype = \"static\"\nvalues = {{ b = \"2\" }}\n\
             [[variables_provider]]\ntype = \"env\"\nprefix = \"SHOP\"\ndotenv_path = {path:?}\n\
             [[variables_provider]]\ntype = \"vault\"\nurl = \"http://127.0.0.1:8200\"\n\
             token = \"t\"\nmount = \"secret\"\n"
        ))
        .unwrap();
        assert!(matches!(&config.providers[2], Provider::Vault(vault) if vault.prefix.is_none()));
        assert!(matches!(&config.providers[0], Provider::Static(values) if values["b"] == "2"));
        assert!(
            matches!(&config.providers[1], Provider::Environment { prefix: Some(prefix), dotenv }
            if prefix == "SHOP" && dotenv["SHOP_A"] == "1 2")
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = RuntimeConfig::load(Path::new("/nowhere/rc.toml")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/rc.toml"), "{error}");
    }
}
