//! The configuration of an application in a registry: the manifest as Spin has resolved it.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The latest version of the format.
const VERSION_MAX: u64 = 1;
/// What an application may need of its host.
const OFFERED: [&str; 2] = ["local_service_chaining", "middleware"];
/// The value of a requirement without effect.
const OPTIONAL: &str = "optional";
/// Keys that a host must not ignore, and that this one does not.
const UNDERSTOOD: [&str; 2] = ["host_requirements", "component_host_requirements"];
/// The key of the metadata with what only this host knows. Spin ignores it.
pub(in crate::application) const TESSERA: &str = "tessera";
/// What is there: the table `tool.tessera` of the manifest.
pub(in crate::application) const SETTINGS: &str = "settings";
/// The text of the file with feature flags is there too. In the settings, it is the path of the file.
pub(in crate::application) const FLAGS: &str = "flags";

/// A resolved application.
#[derive(Debug, Deserialize)]
pub(super) struct Locked {
    spin_lock_version: u64,
    #[serde(default)]
    must_understand: Vec<String>,
    #[serde(default)]
    host_requirements: Map<String, Value>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) components: Vec<Component>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Variable {
    pub(super) description: Option<String>,
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) secret: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Trigger {
    pub(super) id: String,
    pub(super) trigger_type: String,
    #[serde(default)]
    pub(super) trigger_config: Map<String, Value>,
    #[serde(default)]
    pub(super) trigger_dependencies: BTreeMap<String, Vec<Dependency>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Component {
    pub(super) id: String,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
    pub(super) source: Content,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) files: Vec<File>,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub(super) trigger_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default)]
    host_requirements: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) source: Content,
    pub(super) export: Option<String>,
    #[serde(default)]
    pub(super) inherit: Inherit,
}

/// Permissions that a dependency inherits.
#[derive(Debug, Deserialize)]
pub(super) enum Inherit {
    All,
    Some(Vec<String>),
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) content: Content,
}

/// Content of the registry.
#[derive(Debug, Deserialize)]
pub(super) struct Content {
    pub(super) digest: Option<String>,
    /// The content itself, if it is short.
    inline: Option<String>,
}

impl Default for Inherit {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl Content {
    pub(super) fn inline(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let decode = |text: &String| BASE64_STANDARD_NO_PAD.decode(text);
        self.inline.as_ref().map(decode).transpose().context("its configuration is invalid")
    }

    pub(super) fn digest(&self) -> anyhow::Result<&str> {
        self.digest.as_deref().context("its configuration has code without a digest")
    }
}

impl Locked {
    pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let locked: Self =
            serde_json::from_slice(bytes).context("its configuration is not one of Spin")?;
        let version = locked.spin_lock_version;
        ensure!(version <= VERSION_MAX, "its configuration has the unknown version {version}");
        let unknown = locked.must_understand.iter().find(|key| !UNDERSTOOD.contains(&&***key));
        ensure!(
            unknown.is_none(),
            "this host does not know what `{}` means",
            unknown.map_or("", |key| key)
        );
        let of_components = locked.components.iter().map(|component| &component.host_requirements);
        let all = of_components.chain([&locked.host_requirements]).flatten();
        for (key, value) in all {
            let is_met = OFFERED.contains(&key.as_str()) || value == OPTIONAL;
            ensure!(is_met, "it needs `{key}`, which this host does not offer");
        }
        Ok(locked)
    }

    /// The text of the file with feature flags.
    pub(super) fn flags(&self) -> Option<&str> {
        self.metadata.get(TESSERA)?.get(FLAGS)?.as_str()
    }

    /// The digests of all content that is not in the configuration.
    pub(super) fn digests(&self) -> BTreeSet<String> {
        let code = self.components.iter().flat_map(|component| {
            let of_triggers = component.trigger_dependencies.values().flatten();
            let all = component.dependencies.values().chain(of_triggers);
            all.map(|dependency| &dependency.source).chain([&component.source])
        });
        let of_triggers = self.triggers.iter().flat_map(|trigger| &trigger.trigger_dependencies);
        let of_triggers = of_triggers.flat_map(|(_, all)| all.iter().map(|one| &one.source));
        let files = self.components.iter().flat_map(|component| &component.files);
        let files = files.map(|file| &file.content).filter(|content| content.inline.is_none());
        code.chain(of_triggers).chain(files).filter_map(|content| content.digest.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_that_are_not_met_are_refused() {
        let parse = |more: &str| {
            let text = format!("{{\"triggers\":[],\"components\":[],{more}}}");
            Locked::parse(text.as_bytes()).map_err(|error| error.to_string())
        };
        assert!(parse("\"spin_lock_version\":0").is_ok());
        let met = "\"host_requirements\":{\"middleware\":\"required\",\"x\":\"optional\"}";
        assert!(parse(&format!("\"spin_lock_version\":1,{met}")).is_ok());
        let cases = [
            ("\"spin_lock_version\":2", "version 2"),
            ("\"spin_lock_version\":1,\"must_understand\":[\"magic\"]", "`magic`"),
            ("\"spin_lock_version\":1,\"host_requirements\":{\"x\":\"required\"}", "`x`"),
            ("\"name\":\"x\"", "not one of Spin"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
