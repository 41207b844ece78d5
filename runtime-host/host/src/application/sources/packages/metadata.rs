//! What a registry says about itself: which protocol it uses, and where its repositories are.

use crate::capabilities::outbound_http::Client;
use anyhow::{Context as _, bail};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Where a registry publishes it.
const PATH: &str = "/.well-known/wasm-pkg/registry.json";
/// Maximum size of it.
const MAX_BYTES: usize = 64 * 1024;
/// How long a registry may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known about a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// The protocol that it prefers.
    pub(super) preferred: Option<String>,
    /// The protocols that it describes.
    pub(super) protocols: Vec<String>,
    /// The host of its OCI registry, if that is another one.
    pub(super) registry: Option<String>,
    /// What the names of its repositories begin with.
    pub(super) prefix: Option<String>,
}

/// The file of a registry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    preferred_protocol: Option<String>,
    oci_registry: Option<String>,
    oci_namespace_prefix: Option<String>,
    warg_url: Option<String>,
    #[serde(flatten)]
    protocols: BTreeMap<String, Value>,
}

impl Metadata {
    /// Asks a registry. If it does not say anything, it is an OCI registry.
    pub(super) async fn fetch(client: &Client, registry: &str) -> Self {
        let found = tokio::time::timeout(TIMEOUT, ask(client, registry)).await;
        let found = found.with_context(|| format!("no answer within {} s", TIMEOUT.as_secs()));
        found.flatten().unwrap_or_else(|error| {
            tracing::warn!(
                "the registry {registry} does not say where its packages are, so they are expected \
                 at the registry itself: {error:#}"
            );
            Self::default()
        })
    }

    /// The protocol to use, if it is clear.
    pub(super) fn protocol(&self) -> Option<&str> {
        let only = match &self.protocols[..] {
            [only] => Some(only),
            _ => None,
        };
        self.preferred.as_ref().or(only).map(String::as_str)
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let file: File = serde_json::from_slice(bytes)?;
        let is_table = |(name, value): (&String, &Value)| value.is_object().then(|| name.clone());
        let mut protocols: Vec<String> = file.protocols.iter().filter_map(is_table).collect();
        if protocols.is_empty() {
            protocols.extend(file.oci_registry.is_some().then(|| super::config::OCI.to_owned()));
            protocols.extend(file.warg_url.is_some().then(|| "warg".to_owned()));
        }
        let oci = |key: &str| Some(file.protocols.get("oci")?.get(key)?.as_str()?.to_owned());
        Ok(Self {
            preferred: file.preferred_protocol,
            protocols,
            registry: file.oci_registry.or_else(|| oci("registry")),
            prefix: file.oci_namespace_prefix.or_else(|| oci("namespacePrefix")),
        })
    }
}

async fn ask(client: &Client, registry: &str) -> anyhow::Result<Metadata> {
    let is_local = registry.split(':').next() == Some("localhost");
    let scheme = if is_local { "http" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{registry}{PATH}"))?;
    let answer = client.get(&url, &HeaderMap::new(), MAX_BYTES).await?;
    match answer.status() {
        StatusCode::NOT_FOUND => Ok(Metadata::default()),
        status if status.is_success() => {
            let metadata = Metadata::parse(answer.body());
            metadata.with_context(|| format!("{url} is not valid"))
        }
        status => bail!("{url} answers {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Option<String>, Option<String>, Option<String>) {
        let metadata = Metadata::parse(text.as_bytes()).unwrap();
        (metadata.protocol().map(ToOwned::to_owned), metadata.registry, metadata.prefix)
    }

    fn expected(
        protocol: Option<&str>,
        registry: Option<&str>,
        prefix: Option<&str>,
    ) -> (Option<String>, Option<String>, Option<String>) {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        (owned(protocol), owned(registry), owned(prefix))
    }

    #[test]
    fn both_forms_of_the_file_are_read() {
        let oci = expected(Some("oci"), Some("a.example"), Some("p/"));
        assert_eq!(of(r#"{"oci":{"registry":"a.example","namespacePrefix":"p/"}}"#), oci);
        assert_eq!(of(r#"{"ociRegistry":"a.example","ociNamespacePrefix":"p/"}"#), oci);
        assert_eq!(of(r#"{"wargUrl":"https://a.example"}"#), expected(Some("warg"), None, None));
        assert_eq!(of("{}"), expected(None, None, None));
    }

    #[test]
    fn of_several_protocols_the_preferred_one_is_used() {
        let both = r#""oci":{},"warg":{}"#;
        assert_eq!(of(&format!("{{{both}}}")).0, None);
        let preferred = format!("{{\"preferredProtocol\":\"warg\",{both}}}");
        assert_eq!(of(&preferred).0.as_deref(), Some("warg"));
    }
}
