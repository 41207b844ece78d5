//! `wasm-pkg/config.toml` of the user: which registries packages are in, as `wkg` and stock Spin
//! read it.

mod reading;

use super::{Metadata, Package};
use crate::oci::{Credentials, Protocol, user};
use anyhow::anyhow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tessera_strict_toml::Document;

/// The protocol of OCI registries.
pub(super) const OCI: &str = "oci";
/// The protocol of registries that are folders.
pub(super) const LOCAL: &str = "local";
/// Registries of namespaces that everyone knows.
const KNOWN: [(&str, &str); 2] = [("wasi", "wasi.dev"), ("ba", "bytecodealliance.org")];

/// The content of the file; empty without a file.
#[derive(Debug, Default)]
pub(super) struct Config {
    default_registry: Option<String>,
    namespaces: BTreeMap<String, Mapping>,
    packages: BTreeMap<String, Mapping>,
    registries: BTreeMap<String, RegistryConfig>,
}

/// A registry, and what the user says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) registry: String,
    pub(super) metadata: Option<Metadata>,
}

/// The settings of a registry.
#[derive(Debug, Clone, Default)]
pub(super) struct RegistryConfig {
    default: Option<String>,
    protocols: Vec<String>,
    pub(super) oci: Oci,
    root: Option<PathBuf>,
}

/// How an OCI registry is reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Oci {
    pub(super) credentials: Option<Credentials>,
    pub(super) protocol: Protocol,
}

impl Config {
    /// The configuration of the user.
    pub(super) fn of_user() -> anyhow::Result<Self> {
        let Some(path) = path() else { return Ok(Self::default()) };
        let Some(text) = user::read(&path)? else { return Ok(Self::default()) };
        Self::parse(&path, &text)
    }

    fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        let problems = reading::Problems::default();
        let document = Document::parse(text, &problems);
        let table = document.as_ref().and_then(|document| document.root(&problems).table());
        let config = table.map(reading::config).unwrap_or_default();
        let result = problems.into_result(path, text);
        result.map_err(|errors| anyhow!("{}", format!("{errors:#}").trim_end().to_owned()))?;
        Ok(config)
    }

    /// The registry of a package: that of the manifest, or of the package, or of its namespace, or
    /// the default one.
    pub(super) fn registry_of(&self, package: &Package) -> Option<Mapping> {
        let (namespace, _) = package.parts();
        let of_namespace = self.namespaces.get(namespace);
        let bare = |registry: &str| Mapping { registry: registry.to_owned(), metadata: None };
        if let Some(registry) = &package.registry {
            let same = of_namespace.filter(|mapping| mapping.registry == *registry);
            return Some(same.cloned().unwrap_or_else(|| bare(registry)));
        }
        let known = || KNOWN.iter().find(|(name, _)| *name == namespace);
        let configured = self.packages.get(&package.name).or(of_namespace).cloned();
        configured
            .or_else(|| self.default_registry.as_deref().map(bare))
            .or_else(|| known().map(|(_, registry)| bare(registry)))
    }

    pub(super) fn settings_of(&self, registry: &str) -> RegistryConfig {
        self.registries.get(registry).cloned().unwrap_or_default()
    }
}

impl RegistryConfig {
    /// The protocol to use, if the user says it.
    pub(super) fn protocol(&self) -> Option<&str> {
        let only = match &self.protocols[..] {
            [only] => Some(only),
            _ => None,
        };
        self.default.as_ref().or(only).map(String::as_str)
    }

    /// The folder of a registry that is one.
    pub(super) fn local_root(&self) -> Option<&Path> {
        self.root.as_deref()
    }
}

/// The file, also if it does not exist.
fn path() -> Option<PathBuf> {
    user::config_folder().map(|folder| folder.join("wasm-pkg").join("config.toml"))
}

/// The path of the file for messages.
pub(super) fn shown_path() -> String {
    let path = path().unwrap_or_else(|| "~/.config/wasm-pkg/config.toml".into());
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        default_registry = "default.example"
        [namespace_registries]
        of = "namespace.example"
        custom = { registry = "own.example", metadata = { preferredProtocol = "oci", oci = { registry = "ghcr.io", namespacePrefix = "me/" } } }
        [package_registry_overrides]
        "of:one" = "package.example"
        [registry."a.example".oci]
        auth = { username = "u", password = "p" }
        protocol = "http"
        [registry."b.example"]
        type = "local"
        oci.auth = "dTpw"
        local.root = "/packages"
    "#;

    fn parse(text: &str) -> anyhow::Result<Config> {
        Config::parse(Path::new("/config.toml"), text)
    }

    fn registry(config: &Config, name: &str, registry: Option<&str>) -> Option<Mapping> {
        let (name, registry) = (name.to_owned(), registry.map(ToOwned::to_owned));
        config.registry_of(&Package { registry, name, version: "1".parse().unwrap() })
    }

    #[test]
    fn the_most_specific_registry_is_used() {
        let config = parse(TEXT).unwrap();
        let of = |name: &str, explicit: Option<&str>| {
            let mapping = registry(&config, name, explicit).unwrap();
            (mapping.registry, mapping.metadata.and_then(|metadata| metadata.prefix))
        };
        let plain = |registry: &str| (registry.to_owned(), None);
        assert_eq!(of("of:one", None), plain("package.example"));
        assert_eq!(of("of:two", None), plain("namespace.example"));
        assert_eq!(of("wasi:http", None), plain("default.example"));
        assert_eq!(of("of:one", Some("explicit.example")), plain("explicit.example"));
        let own = ("own.example".to_owned(), Some("me/".to_owned()));
        assert_eq!(of("custom:a", None), own);
        assert_eq!(of("custom:a", Some("own.example")), own);
        assert_eq!(of("custom:a", Some("other.example")), plain("other.example"));
        let none = Config::default();
        assert_eq!(registry(&none, "wasi:http", None).unwrap().registry, "wasi.dev");
        assert_eq!(registry(&none, "a:b", None), None);
    }

    #[test]
    fn a_registry_has_a_protocol_and_credentials() {
        let config = parse(TEXT).unwrap();
        let expected = Credentials { user: "u".to_owned(), password: "p".to_owned() };
        let (a, b) = (config.settings_of("a.example"), config.settings_of("b.example"));
        assert_eq!((a.protocol(), a.oci.protocol), (Some(OCI), Protocol::Http));
        assert_eq!((b.protocol(), b.oci.protocol), (Some(LOCAL), Protocol::Https));
        assert_eq!(b.local_root(), Some(Path::new("/packages")));
        for credentials in [a.oci.credentials, b.oci.credentials] {
            assert_eq!(credentials.as_ref(), Some(&expected));
        }
        assert_eq!(config.settings_of("c.example").protocol(), None);
    }

    #[test]
    fn problems_have_their_locations_and_no_secrets() {
        let text = "defaultregistry = \"a\"\n[registry.a.oci]\nauth = \"c2VjcmV0\"\n\
                    protocol = \"ftp\"\n[namespace_registries]\nb = { registry = \"c\" }\n";
        let error = parse(text).unwrap_err().to_string();
        let expected = [
            "/config.toml:1:1: unknown key `defaultregistry`",
            "/config.toml:3:8: `registry.a.oci.auth` is not valid: it has no `:`",
            "/config.toml:4:12: `registry.a.oci.protocol` has the unknown value `ftp`",
            "/config.toml:6:5: missing key `namespace_registries.b.metadata`",
        ];
        for text in expected {
            assert!(error.contains(text), "{text:?} is not in {error}");
        }
        assert!(!error.contains("c2VjcmV0") && !error.contains("secret"), "{error}");
    }
}
