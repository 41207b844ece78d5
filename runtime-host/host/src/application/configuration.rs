//! What a component is configured with: rendered from the manifest and the values of variables, and
//! kept with each revision. What only a restart changes is not part of it: stores, files, links, and
//! the flags of the host.

use crate::capabilities::variables::{Values, Variables};
use crate::rollouts::Settings;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tessera_manifest::template::Template;
use tessera_manifest::{App, CallTarget, Component, ComponentId, DEFAULT_POLICY, Limits, Policy};

/// The configuration of a component.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Text>,
    /// That of the manifest.
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) allowed_outbound_hosts: Vec<Text>,
    /// Those of the component, or else of the application.
    #[serde(default)]
    pub(super) limits: Limits,
    #[serde(default)]
    pub(super) policies: Policies,
}

/// A text that may be a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Secret { secret: String },
    Open(String),
}

/// The policies of the calls of a component.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Policies {
    /// That of calls from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) inbound: Option<Named>,
    /// That of its calls without another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<Named>,
    /// The first one that fits a call counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) calls: Vec<CallRule>,
}

/// A policy of the manifest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) policy: Policy,
}

/// The policy of some of the calls of a component.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CallRule {
    pub(super) to: Target,
    /// As `interface.function`; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) functions: Vec<String>,
    pub(super) policy: Named,
}

/// What is called.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Target {
    Component(ComponentId),
    /// A pattern of hosts.
    Host(Text),
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Secret { secret } => secret,
            Self::Open(text) => text,
        }
    }

    /// A value of a variable.
    pub(super) fn of(value: &str, is_secret: bool) -> Self {
        match is_secret {
            true => Self::Secret { secret: value.to_owned() },
            false => Self::Open(value.to_owned()),
        }
    }
}

impl Configuration {
    /// What the manifest and these values of variables say.
    pub(super) fn of(app: &App, component: &Component, values: &Values) -> anyhow::Result<Self> {
        let renderer = Renderer { app, values };
        let own = Variables::of(component, values)?;
        let variables = component.variables.iter().map(|(name, text)| {
            let value = own.get(name).unwrap_or_default();
            (name.clone(), Text::of(value, renderer.is_secret(text)))
        });
        Ok(Self {
            variables: variables.collect(),
            environment: component.environment.clone(),
            allowed_outbound_hosts: renderer.hosts(component)?,
            limits: component.settings.limits.or(&app.settings.limits),
            policies: renderer.policies(component)?,
        })
    }

    /// The configuration of a revision.
    pub(super) fn read(settings: &Settings) -> anyhow::Result<Self> {
        settings.read().context("its configuration is of another version of the host")
    }

    /// The values of variables, by their names.
    pub(super) fn values(&self) -> BTreeMap<String, String> {
        let values = self.variables.iter();
        values.map(|(name, text)| (name.clone(), text.as_str().to_owned())).collect()
    }
}

/// The configurations of all components, by their ids.
pub(super) fn all(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    values: &Values,
) -> anyhow::Result<BTreeMap<ComponentId, Settings>> {
    let of = |id: &ComponentId| {
        let configuration = Configuration::of(app, &app.components[id], values);
        let settings = configuration.and_then(|one| Ok(Settings::new(one)?));
        anyhow::Ok((id.clone(), settings.with_context(|| format!("`{id}` can't be configured"))?))
    };
    ids.iter().map(of).collect()
}

/// Fills in the values of variables.
struct Renderer<'a> {
    app: &'a App,
    values: &'a Values,
}

impl Renderer<'_> {
    fn text(&self, text: &str) -> anyhow::Result<Text> {
        Ok(Text::of(&self.values.render(text)?, self.is_secret(text)))
    }

    /// Whether a secret is in a text.
    fn is_secret(&self, text: &str) -> bool {
        let Ok(template) = Template::parse(text) else { return false };
        let is_secret = |name: &str| self.app.variables.get(name).is_some_and(|one| one.secret);
        template.variables().any(is_secret)
    }

    fn hosts(&self, component: &Component) -> anyhow::Result<Vec<Text>> {
        let declared = |name: &str| self.app.variables.contains_key(name);
        // Reported with the manifest: like stock Spin, the host starts and denies the requests.
        let is_readable =
            |text: &&String| Template::parse(text).is_ok_and(|text| text.variables().all(declared));
        let hosts = component.allowed_outbound_hosts.iter().filter(is_readable);
        hosts.map(|text| self.text(text)).collect()
    }

    fn policies(&self, component: &Component) -> anyhow::Result<Policies> {
        let mut calls = Vec::new();
        for call in &component.settings.calls {
            let Some(policy) = self.named(&call.policy) else { continue };
            let to = match &call.to {
                CallTarget::Component(id) => Target::Component(id.clone()),
                CallTarget::Host(text) => Target::Host(self.text(text)?),
            };
            calls.push(CallRule { to, functions: call.functions.clone(), policy });
        }
        let inbound = component.settings.inbound.as_deref().and_then(|name| self.named(name));
        Ok(Policies { inbound, default: self.named(DEFAULT_POLICY), calls })
    }

    fn named(&self, name: &str) -> Option<Named> {
        let policy = self.app.settings.policies.get(name)?.clone();
        Some(Named { name: name.to_owned(), policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::variables::Sources;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
[application.tool.tessera]
limits = { deadline_ms = 1, queue_length_max = 2 }
policies.calm = { timeout_ms = 5 }
policies.default = { breaker = {} }
[variables]
host = { default = "one.test" }
password = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "a"
[component.a]
source = "a.wasm"
environment = { A = "1" }
variables = { url = "http://{{ host }}/", login = "me:{{ password }}" }
allowed_outbound_hosts = ["http://{{ host }}"]
[component.a.tool.tessera]
limits.deadline_ms = 3
inbound = "calm"
calls = [{ to = "http://{{ host }}", policy = "calm" }]
"#;

    fn configuration() -> Configuration {
        let app =
            tessera_manifest::parse(std::path::Path::new("/app/spin.toml"), MANIFEST).unwrap();
        let flags = BTreeMap::from([("password".to_owned(), "hunter2".to_owned())]);
        let sources = Sources::new(flags, |_| None, Vec::new());
        let values = Values::resolve(&app.variables, &sources).unwrap();
        Configuration::of(&app, &app.components["a"], &values).unwrap()
    }

    #[test]
    fn all_of_a_configuration_can_be_kept_and_read_again() {
        let configuration = configuration();
        let settings = Settings::new(&configuration).unwrap();
        assert!(Configuration::read(&settings).unwrap() == configuration);
    }

    #[test]
    fn values_are_rendered_and_secrets_are_known() {
        let configuration = configuration();
        assert_eq!(configuration.values()["login"], "me:hunter2");
        assert!(configuration.variables["login"] == Text::of("me:hunter2", true));
        assert!(configuration.variables["url"] == Text::of("http://one.test/", false));
        assert!(configuration.allowed_outbound_hosts == [Text::of("http://one.test", false)]);
        let limits = configuration.limits;
        assert_eq!((limits.deadline_ms, limits.queue_length_max), (Some(3), Some(2)));
        assert_eq!(configuration.policies.calls[0].policy.policy.timeout_ms, Some(5));
        assert_eq!(configuration.policies.default.unwrap().name, "default");
    }
}
