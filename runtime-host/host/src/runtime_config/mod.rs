//! `runtime-config.toml`: what an operator decides about one installation, in Spin's format.
//!
//! The same file serves stock Spin, so keys that Spin knows and this host does not act on
//! are accepted, with a warning that says so; keys that nobody knows are errors. Two things
//! are kinder than in Spin: all faults are reported at once with their places, and a store
//! that the file does not mention is a file in the state directory, not an error.

mod document;
mod stores;
mod variables;

pub(crate) use document::Faults;
pub(crate) use stores::{OpenStores, StoreKind};

use crate::capabilities::variables::Provider;
use document::{Reader, Table};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most bytes of the file.
const LENGTH_MAX_BYTES: u64 = 1024 * 1024;

/// What the file says; empty without a file.
#[derive(Debug, Default)]
pub(crate) struct RuntimeConfig {
    /// Where state goes, absolute. `--state-dir` wins over it.
    pub(crate) state_dir: Option<PathBuf>,
    /// Key-value stores by label.
    pub(crate) stores: BTreeMap<String, StoreKind>,
    /// Providers of variables, the most important first.
    pub(crate) providers: Vec<Provider>,
    /// What was accepted without effect, one sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Keys of Spin that have no effect here, each with what that means.
const WITHOUT_EFFECT: [(&str, &str); 6] = [
    ("log_dir", "guests' output goes to this host's own log"),
    ("sqlite_database", "this host does not offer SQLite databases to components yet"),
    ("llm_compute", "this host does not offer language models to components yet"),
    ("client_tls", "outbound TLS uses the built-in root certificates"),
    ("outbound_http", "outbound connections are pooled with this host's own limits"),
    ("outbound_networking", "only `allowed_outbound_hosts` of the manifest decides"),
];

impl RuntimeConfig {
    /// Read a file. Relative paths in it start at its folder.
    pub(crate) fn load(path: &Path) -> Result<Self, Faults> {
        let text = read(path).map_err(|fault| Faults::without_place(path, fault))?;
        Self::parse(path, &text)
    }

    /// Read the text of the file at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Faults> {
        let reader = Reader::default();
        let config = document::parse(text, &reader).map(|document| {
            let folder = path.parent().unwrap_or(Path::new("."));
            Self::of(&reader.root(&document), folder)
        });
        reader.into_result(path, text)?;
        Ok(config.unwrap_or_default())
    }

    fn of(root: &Table<'_>, folder: &Path) -> Self {
        let mut warnings = Vec::new();
        for (key, meaning) in WITHOUT_EFFECT {
            if root.skip(key) {
                warnings.push(format!("`{key}` has no effect: {meaning}"));
            }
        }
        let state_dir = root.text("state_dir").filter(|path| !path.is_empty());
        let config = Self {
            // As in Spin, from the folder in which the host was started.
            state_dir: state_dir.map(|path| std::path::absolute(&path).unwrap_or(path.into())),
            stores: stores::read(root, folder),
            providers: variables::read(root, folder, &mut warnings),
            warnings,
        };
        root.finish();
        config
    }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file can't be read: {error}");
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

    fn parse(text: &str) -> Result<RuntimeConfig, Faults> {
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
            url = "redis://localhost"
            "#,
        )
        .unwrap();
        assert_eq!(config.state_dir.as_deref(), Some(Path::new("/var/lib/shop")));
        assert_eq!(config.stores["orders"], StoreKind::File("/app/data/orders.db".into()));
        assert_eq!(config.stores["cart"], StoreKind::Memory);
        assert_eq!(config.stores["shared"], StoreKind::NotOffered("redis".into()));
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn keys_of_spin_without_effect_are_warned_about() {
        let config = parse(
            "[llm_compute]\ntype = \"spin\"\n[sqlite_database.default]\ntype = \"spin\"\n\
             [[variables_provider]]\ntype = \"vault\"\nurl = \"x\"\n",
        )
        .unwrap();
        let warnings = config.warnings.join("\n");
        assert!(warnings.contains("`llm_compute` has no effect"), "{warnings}");
        assert!(warnings.contains("`sqlite_database` has no effect"), "{warnings}");
        assert!(warnings.contains("`vault`"), "{warnings}");
        assert!(config.providers.is_empty());
    }

    #[test]
    fn all_faults_are_reported_with_their_places_and_advice() {
        let faults = parse(
            "state_dirr = \"x\"\n[key_value_store.a]\ntype = \"spinn\"\n\
             [key_value_store.b]\ntype = \"spin\"\npaht = \"x\"\n[key_value_store.c]\n",
        )
        .unwrap_err();
        let expected = "\
            /app/runtime-config.toml:1:1: nobody reads `state_dirr`\n  \
            hint: did you mean `state_dir`?\n\
            /app/runtime-config.toml:3:8: `key_value_store.a.type` cannot be `spinn`\n  \
            hint: did you mean `spin`?\n\
            /app/runtime-config.toml:6:1: nobody reads `key_value_store.b.paht`\n  \
            hint: did you mean `path`?\n\
            /app/runtime-config.toml:7:1: `key_value_store.c` has no `type`\n  \
            hint: add `type = \"…\"`\n";
        assert_eq!(format!("{faults:#}"), expected);
    }

    #[test]
    fn wrong_types_and_broken_syntax_have_places() {
        let faults =
            parse("state_dir = 1\n[[variables_provider]]\ntype = \"static\"\n").unwrap_err();
        let text = format!("{faults:#}");
        assert!(text.contains(":1:13: `state_dir` must be a string, not an integer"), "{text}");
        assert!(text.contains(":2:1: `variables_provider[0]` has no `values`"), "{text}");
        let text = format!("{:#}", parse("a = [\n").unwrap_err());
        assert!(text.contains("runtime-config.toml:"), "{text}");
    }

    #[test]
    fn providers_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.env"), "# comment\nSHOP_A=\"1 2\"\n").unwrap();
        let config = RuntimeConfig::parse(
            &folder.path().join("runtime-config.toml"),
            "[[variables_provider]]\ntype = \"static\"\nvalues = { b = \"2\" }\n\
             [[variables_provider]]\ntype = \"env\"\nprefix = \"SHOP\"\ndotenv_path = \"x.env\"\n",
        )
        .unwrap();
        assert!(matches!(&config.providers[0], Provider::Static(values) if values["b"] == "2"));
        assert!(
            matches!(&config.providers[1], Provider::Environment { prefix: Some(prefix), dotenv }
            if prefix == "SHOP" && dotenv["SHOP_A"] == "1 2")
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let fault = RuntimeConfig::load(Path::new("/nowhere/rc.toml")).unwrap_err();
        assert!(fault.to_string().contains("/nowhere/rc.toml"), "{fault}");
    }
}
