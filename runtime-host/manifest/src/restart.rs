//! What of a changed manifest takes effect in a host that runs, and what needs a restart.

use crate::app::{App, AppSettings, Component, ComponentSettings};
use std::collections::BTreeMap;

/// The keys in which two versions of a manifest differ and that a host reads only when it starts.
/// Empty if the differences are those that a running host can apply: variables, environments, allowed
/// hosts, policies and limits. How components are built does not matter to a host that runs.
#[must_use]
pub fn needs_restart(before: &App, after: &App) -> Vec<String> {
    let settings = fixed_settings(&before.settings, &after.settings);
    let compared = [
        ("application.name", before.name == after.name),
        ("application.version", before.version == after.version),
        ("application.trigger.http.base", before.http_base == after.http_base),
        ("application.trigger.redis.address", before.redis_address == after.redis_address),
        ("trigger.http", before.http == after.http),
        ("trigger.redis", before.redis == after.redis),
        ("trigger.cron", before.cron == after.cron),
        ("trigger.command", before.command == after.command),
        ("application.tool.tessera", settings == before.settings),
    ];
    let mut keys: Vec<_> = different(compared).map(str::to_owned).collect();
    keys.extend(components(&before.components, &after.components));
    keys
}

fn different<const COUNT: usize>(
    compared: [(&'static str, bool); COUNT],
) -> impl Iterator<Item = &'static str> {
    compared.into_iter().filter(|(_, is_equal)| !is_equal).map(|(key, _)| key)
}

type Components = BTreeMap<String, Component>;

fn components(before: &Components, after: &Components) -> Vec<String> {
    let gone = before.keys().filter(|id| !after.contains_key(*id));
    let new = after.keys().filter(|id| !before.contains_key(*id));
    let mut keys: Vec<_> = gone.chain(new).map(|id| format!("component.{id}")).collect();
    for (id, component) in before {
        let Some(after) = after.get(id) else { continue };
        let changed = component_keys(component, after);
        keys.extend(changed.into_iter().map(|key| format!("component.{id}.{key}")));
    }
    keys
}

fn component_keys(before: &Component, after: &Component) -> Vec<&'static str> {
    // All of its members, so that a new one is not forgotten here.
    let Component {
        id: _,
        source,
        environment: _,
        files,
        exclude_files,
        key_value_stores,
        sqlite_databases,
        ai_models,
        allowed_outbound_hosts: _,
        variables: _,
        build: _,
        dependencies,
        dependencies_inherit_configuration: inherit,
        profiles: _,
        settings,
        written_at: _,
    } = before;
    let compared = [
        ("source", *source == after.source),
        ("files", *files == after.files),
        ("exclude_files", *exclude_files == after.exclude_files),
        ("key_value_stores", *key_value_stores == after.key_value_stores),
        ("sqlite_databases", *sqlite_databases == after.sqlite_databases),
        ("ai_models", *ai_models == after.ai_models),
        ("dependencies", *dependencies == after.dependencies),
        (
            "dependencies_inherit_configuration",
            *inherit == after.dependencies_inherit_configuration,
        ),
        ("tool.tessera", fixed_component_settings(settings, &after.settings) == *settings),
    ];
    different(compared).collect()
}

/// The settings after a change, with what can be changed as it was before.
fn fixed_settings(before: &AppSettings, after: &AppSettings) -> AppSettings {
    let (limits, policies) = (before.limits.clone(), before.policies.clone());
    AppSettings { limits, policies, ..after.clone() }
}

fn fixed_component_settings(
    before: &ComponentSettings,
    after: &ComponentSettings,
) -> ComponentSettings {
    let ComponentSettings { calls, inbound, limits, .. } = before.clone();
    ComponentSettings { calls, inbound, limits, ..after.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "test"
[application.tool.tessera]
limits.deadline_ms = 1
policies.calm = { timeout_ms = 5 }
[variables]
greeting = { default = "hello" }
[[trigger.http]]
route = "/a"
component = "a"
[component.a]
source = "a.wasm"
key_value_stores = ["default"]
allowed_outbound_hosts = ["http://one.test"]
variables = { greeting = "{{ greeting }}" }
environment = { A = "1" }
build.command = "make"
[component.a.tool.tessera]
limits.queue_length_max = 3
inbound = "calm"
"#;

    fn after((from, to): (&str, &str)) -> Vec<String> {
        let parse = |text: &str| crate::parse(Path::new("/app/spin.toml"), text).unwrap();
        assert!(MANIFEST.contains(from), "{from}");
        needs_restart(&parse(MANIFEST), &parse(&MANIFEST.replace(from, to)))
    }

    #[test]
    fn values_policies_and_limits_can_change() {
        for change in [
            ("hello", "good day"),
            ("one.test", "two.test"),
            ("{{ greeting }}", "{{ greeting }}!"),
            ("A = \"1\"", "A = \"2\""),
            ("deadline_ms = 1", "deadline_ms = 2"),
            ("timeout_ms = 5", "timeout_ms = 6"),
            ("queue_length_max = 3", "queue_length_max = 4"),
            ("inbound = \"calm\"", ""),
            ("\"make\"", "\"make all\""),
        ] {
            assert_eq!(after(change), Vec::<String>::new(), "{change:?}");
        }
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let other = "[component.b]\nsource = \"b.wasm\"\n[component.a]\n";
        let secrets = "secret_defaults = \"loopback-only\"";
        for (change, key) in [
            (("name = \"test\"", "name = \"other\""), "application.name"),
            (("\"/a\"", "\"/b\""), "trigger.http"),
            (("a.wasm", "b.wasm"), "component.a.source"),
            (("[\"default\"]", "[]"), "component.a.key_value_stores"),
            (("inbound = \"calm\"", "on_start = \"/start\""), "component.a.tool.tessera"),
            (("limits.deadline_ms = 1", secrets), "application.tool.tessera"),
            (("[component.a]\n", other), "component.b"),
        ] {
            assert_eq!(after(change), [key], "{change:?}");
        }
    }
}
