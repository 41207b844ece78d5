//! Reads the tables of the file.

use super::{Config, LOCAL, Mapping, Metadata, OCI, Oci, RegistryConfig};
use crate::oci::{Credentials, Protocol};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tessera_strict_toml::listed;

tessera_strict_toml::codes! {
    pub(super) enum Code in "tessera::packages" {}
}

type Field<'a> = tessera_strict_toml::Field<'a, Code>;
pub(super) type Problems = tessera_strict_toml::Problems<Code>;
type Table<'a> = tessera_strict_toml::Table<'a, Code>;

/// The whole file.
pub(super) fn config(mut root: Table<'_>) -> Config {
    let config = Config {
        default_registry: root.text("default_registry"),
        namespaces: mappings(root.optional("namespace_registries")),
        packages: mappings(root.optional("package_registry_overrides")),
        registries: entries(root.optional("registry"), |field| Some(settings(field))),
    };
    root.finish();
    config
}

fn entries<T>(
    field: Option<Field<'_>>,
    read: impl Fn(&Field<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let entries = field.map(|field| field.entries()).unwrap_or_default();
    entries.iter().filter_map(|(key, field)| Some((key.name.clone(), read(field)?))).collect()
}

fn mappings(field: Option<Field<'_>>) -> BTreeMap<String, Mapping> {
    entries(field, mapping)
}

fn mapping(field: &Field<'_>) -> Option<Mapping> {
    if field.is_string() {
        return Some(Mapping { registry: field.text()?, metadata: None });
    }
    let mut table = field.table()?;
    let registry = table.required_text("registry", "add `registry = \"…\"`");
    let metadata = table.required("metadata", "add `metadata = { … }`");
    let metadata = metadata.and_then(|field| self::metadata(&field));
    Some(Mapping { registry: registry?, metadata: Some(metadata?) })
}

/// What a registry would publish. Tables of other protocols have other keys.
fn metadata(field: &Field<'_>) -> Option<Metadata> {
    let mut table = field.table()?;
    let mut metadata = Metadata {
        preferred: table.string("preferredProtocol"),
        protocols: tables(field),
        registry: table.string("ociRegistry"),
        prefix: table.string("ociNamespacePrefix"),
    };
    if metadata.protocols.is_empty() {
        metadata.protocols.extend(metadata.registry.is_some().then(|| OCI.to_owned()));
        metadata.protocols.extend(table.has("wargUrl").then(|| "warg".to_owned()));
    }
    if let Some(mut oci) = table.optional(OCI).and_then(|field| field.table()) {
        metadata.registry = metadata.registry.or_else(|| oci.string("registry"));
        metadata.prefix = metadata.prefix.or_else(|| oci.string("namespacePrefix"));
    }
    Some(metadata)
}

/// The names of the tables in a table.
fn tables(field: &Field<'_>) -> Vec<String> {
    let entries = field.entries();
    let tables = entries.iter().filter(|(_, field)| field.is_table());
    tables.map(|(key, _)| key.name.clone()).collect()
}

/// The table of a registry. Each protocol has a table; those of other protocols are not for us.
fn settings(field: &Field<'_>) -> RegistryConfig {
    let Some(mut table) = field.table() else { return RegistryConfig::default() };
    let default = table.string("default").or_else(|| table.string("type"));
    let oci = table.optional(OCI).and_then(|field| field.table()).map(oci).unwrap_or_default();
    let local = table.optional(LOCAL).and_then(|field| field.table());
    let root = local.and_then(|mut local| local.required_text("root", "add `root = \"…\"`"));
    RegistryConfig { default, protocols: tables(field), oci, root: root.map(PathBuf::from) }
}

fn oci(mut table: Table<'_>) -> Oci {
    let credentials = table.optional("auth").and_then(|field| credentials(&field));
    let protocols = [("http", Protocol::Http), ("https", Protocol::Https)];
    let protocol = table.optional("protocol").and_then(|field| field.one_of(&protocols));
    table.finish();
    Oci { credentials, protocol: protocol.unwrap_or_default() }
}

fn credentials(field: &Field<'_>) -> Option<Credentials> {
    if field.is_string() {
        let credentials = Credentials::of_base64(&field.text()?);
        let hint =
            "write `{ username = \"…\", password = \"…\" }`, or both joined by `:` in Base64";
        let report = |error| {
            let why = format!("{error:#}");
            field.report_invalid(Code::BadValue, "valid", &why, hint);
        };
        return credentials.map_err(report).ok();
    }
    let mut table = field.table()?;
    let hint = format!("write {}", listed(["username", "password"]));
    let user = table.required_text("username", &hint);
    let password = table.required_text("password", &hint);
    table.finish();
    Some(Credentials { user: user?, password: password? })
}
