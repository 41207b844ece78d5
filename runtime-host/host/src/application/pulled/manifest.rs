//! The manifest of an application in a registry, written from its configuration.

use super::files::of_component;
use super::locked::{Component, Dependency, FLAGS, Inherit, Locked, SETTINGS, TESSERA, Trigger};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file with feature flags, beside the manifest.
pub(super) const FLAGS_FILE: &str = "feature-flags.json";
/// What the application says about itself.
const METADATA: [&str; 4] = ["name", "version", "description", "authors"];
/// The permissions of a component: their names in the configuration and in the manifest.
const PERMISSIONS: [(&str, &str); 4] = [
    ("allowed_outbound_hosts", "allowed_outbound_hosts"),
    ("key_value_stores", "key_value_stores"),
    ("databases", "sqlite_databases"),
    ("ai_models", "ai_models"),
];

/// Finds the file of a digest.
trait Find: FnMut(&str) -> anyhow::Result<PathBuf> {}
impl<T: FnMut(&str) -> anyhow::Result<PathBuf>> Find for T {}

/// The text of the manifest. `files` has the files of the components.
pub(super) fn of(
    locked: &Locked,
    files: &Path,
    content: &mut impl FnMut(&str) -> anyhow::Result<PathBuf>,
) -> anyhow::Result<String> {
    let mut application = Map::new();
    for key in METADATA {
        application.extend(locked.metadata.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    application.extend(settings_of_application(locked));
    application.extend(locked.metadata.get("triggers").map(|all| ("trigger".into(), all.clone())));
    let mut components = Map::new();
    for component in &locked.components {
        components.insert(
            component.id.clone(),
            self::component(component, &locked.components, files, content)?,
        );
    }
    let manifest = [
        ("spin_manifest_version", json!(2)),
        ("application", Value::Object(application)),
        ("variables", variables(locked)),
        ("trigger", triggers(locked, content)?),
        ("component", Value::Object(components)),
    ];
    let lines =
        manifest.iter().filter_map(|(key, value)| Some(format!("{key} = {}\n", toml(value)?)));
    Ok(lines.collect())
}

/// The settings of this host, which Spin does not have.
fn settings(metadata: &Map<String, Value>) -> Option<(String, Value)> {
    let settings = metadata.get(TESSERA)?.get(SETTINGS)?;
    Some(("tool".to_owned(), json!({ TESSERA: settings })))
}

/// The settings of the application. The only file with feature flags is that of the artifact: any
/// other path would be one of the host.
fn settings_of_application(locked: &Locked) -> Option<(String, Value)> {
    let (key, mut tool) = settings(&locked.metadata)?;
    if let Some(settings) = tool.get_mut(TESSERA).and_then(Value::as_object_mut) {
        settings.remove(FLAGS);
        settings.extend(locked.flags().map(|_| (FLAGS.to_owned(), json!(FLAGS_FILE))));
    }
    Some((key, tool))
}

fn variables(locked: &Locked) -> Value {
    let variable = |(name, variable): (&String, &super::locked::Variable)| {
        let value = json!({
            "description": variable.description,
            "default": variable.default,
            "required": variable.default.is_none().then_some(true),
            "secret": variable.secret,
        });
        (name.clone(), value)
    };
    locked.variables.iter().map(variable).collect::<Map<_, _>>().into()
}

/// The triggers by type. Middleware may be at their components.
fn triggers(locked: &Locked, content: &mut impl Find) -> anyhow::Result<Value> {
    let mut types = Map::<String, Value>::new();
    for trigger in &locked.triggers {
        let mut table = trigger.trigger_config.clone();
        table.insert("id".to_owned(), json!(trigger.id));
        let id = trigger.trigger_config.get("component").and_then(Value::as_str);
        let component = locked.components.iter().find(|component| Some(&*component.id) == id);
        let dependencies = dependencies_of(trigger, component, content)?;
        if !dependencies.is_empty() {
            table.insert("dependencies".to_owned(), dependencies.into());
        }
        let all = types.entry(&trigger.trigger_type).or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(table.into());
        }
    }
    Ok(types.into())
}

fn dependencies_of(
    trigger: &Trigger,
    component: Option<&Component>,
    content: &mut impl Find,
) -> anyhow::Result<Map<String, Value>> {
    let of_component = component.map(|component| &component.trigger_dependencies);
    let all = [Some(&trigger.trigger_dependencies), of_component].into_iter().flatten().flatten();
    let mut dependencies = Map::new();
    for (role, all) in all {
        let all: anyhow::Result<Vec<Value>> =
            all.iter().map(|dependency| self::dependency(dependency, None, content)).collect();
        dependencies.insert(role.clone(), all?.into());
    }
    Ok(dependencies)
}

fn component(
    component: &Component,
    others: &[Component],
    files: &Path,
    content: &mut impl Find,
) -> anyhow::Result<Value> {
    let mut dependencies = BTreeMap::new();
    for (name, dependency) in &component.dependencies {
        let of_app = component.metadata.get(TESSERA);
        let of_app = of_app.and_then(|own| own["dependencies"][name].as_str());
        let of_app = of_app.filter(|id| others.iter().any(|other| other.id == **id));
        dependencies.insert(name, self::dependency(dependency, of_app, content)?);
    }
    let mut table = json!({
        "source": content(component.source.digest()?)?,
        "description": component.metadata.get("description"),
        "environment": component.env,
        "variables": component.config,
        "dependencies": dependencies,
    });
    for (key, name) in PERMISSIONS {
        table[name] = component.metadata.get(key).cloned().unwrap_or_default();
    }
    if let Some((key, settings)) = settings(&component.metadata) {
        table[key] = settings;
    }
    if !component.files.is_empty() {
        let source = of_component(files, &component.id)?;
        table["files"] = json!([{ "source": source, "destination": "/" }]);
    }
    Ok(table)
}

/// A dependency. If it is a component of the application, its settings may link it.
fn dependency(
    dependency: &Dependency,
    of_app: Option<&str>,
    content: &mut impl Find,
) -> anyhow::Result<Value> {
    let inherits = match &dependency.inherit {
        Inherit::All => json!(true),
        Inherit::Some(keys) => json!(keys),
    };
    let (key, provider) = match of_app {
        Some(id) => ("component", json!(id)),
        None => ("path", json!(content(dependency.source.digest()?)?)),
    };
    Ok(json!({
        key: provider,
        "export": dependency.export,
        "inherit_configuration": inherits,
    }))
}

/// A value as TOML; none for null, which TOML does not have. Strings of JSON are strings of TOML,
/// except for one character.
fn toml(value: &Value) -> Option<String> {
    let string = |text: &str| Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    match value {
        Value::Null => None,
        Value::String(text) => Some(string(text)),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(toml).collect();
            Some(format!("[{}]", items.join(", ")))
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                Some(format!("{} = {}", string(key), toml(value)?))
            };
            let entries: Vec<String> = entries.iter().filter_map(entry).collect();
            Some(format!("{{{}}}", entries.join(", ")))
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest_of;
    use tessera_manifest::{Handler, Inherit as Inherited, Provider};

    #[test]
    fn the_file_with_flags_is_that_of_the_artifact() {
        let flags = |own: Value| {
            let metadata = json!({ "name": "a", TESSERA: own });
            let locked = json!({
                "spin_lock_version": 0, "metadata": metadata, "triggers": [], "components": [],
            });
            let locked = Locked::parse(locked.to_string().as_bytes()).unwrap();
            let (_, tool) = settings_of_application(&locked).unwrap();
            tool[TESSERA][FLAGS].clone()
        };
        let settings = json!({ FLAGS: "/etc/flags.json" });
        assert_eq!(flags(json!({ SETTINGS: settings })), Value::Null);
        assert_eq!(flags(json!({ SETTINGS: settings, FLAGS: "{}" })), FLAGS_FILE);
    }

    #[test]
    fn a_configuration_is_the_manifest_that_it_was_made_from() {
        let digest = digest_of(b"");
        let code = json!({ "content_type": "application/wasm", "digest": digest });
        let library = json!({ "source": code, "export": null, "inherit": "All" });
        let locked = json!({
            "spin_lock_version": 1,
            "metadata": {
                "name": "a \"b\"\u{7f}\n", "version": "1.0.0", "authors": ["me"],
                "triggers": { "http": { "base": "/" } }, "trigger": { "type": "http" },
            },
            "variables": { "a": { "default": "{{ x }}" }, "b": { "secret": true } },
            "triggers": [
                { "id": "t", "trigger_type": "http",
                  "trigger_config": { "route": "/a/...", "component": "one" } },
                { "id": "u", "trigger_type": "http",
                  "trigger_config": { "route": { "private": true }, "component": "two",
                                      "executor": { "type": "http" } } },
            ],
            "components": [
                { "id": "one", "source": code, "env": { "K": "v" }, "config": { "c": "{{ a }}" },
                  "metadata": { "key_value_stores": ["default"], "databases": ["d"],
                                "build": { "command": "make" } },
                  "files": [{ "path": "x", "digest": digest }],
                  "dependencies": { "a:b/c@1.0.0": library } },
                { "id": "two", "source": code,
                  "trigger_dependencies": { "middleware": [library] } },
            ],
        });
        let mut locked = locked.to_string();
        locked = locked.replace("{{ x }}", "x");
        let locked = Locked::parse(locked.as_bytes()).unwrap();
        let text = of(&locked, Path::new("/files"), &mut |_| Ok("/a.wasm".into())).unwrap();
        let app = tessera_manifest::parse(Path::new("/app/spin.toml"), &text).unwrap();
        assert_eq!(app.name, "a \"b\"\u{7f}\n");
        let handlers: Vec<_> = app.http.iter().map(|trigger| &trigger.handler).collect();
        let is = |id: &str| Handler::Component(id.to_owned());
        assert_eq!(handlers, [&is("one"), &is("two")]);
        assert_eq!(app.http[1].middleware.len(), 1);
        let one = &app.components["one"];
        assert_eq!(one.files.len(), 1);
        assert_eq!(one.key_value_stores, ["default"]);
        assert_eq!(one.sqlite_databases, ["d"]);
        let library = &one.dependencies[0];
        assert!(matches!(library.provider, Provider::Source { export: None, .. }));
        assert_eq!(library.inherit, Inherited::All);
    }
}
