//! The configuration of an application: the manifest with everything resolved, as Spin writes it.
//!
//! What Spin does not know is beside it, in the metadata, which Spin ignores: the settings of this
//! host, the feature flags, and which dependencies are components of the application.

use super::super::pulled::{FLAGS, SETTINGS, TESSERA};
use super::code::{ComponentCode, Form};
use super::raw;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tessera_manifest::{App, Component, ComponentId, Handler, Provider};

/// What an application that calls other components by HTTP needs of its host.
const CHAINING: &str = "local_service_chaining";
const REQUIRED: &str = "required";
/// The end of the host names of components.
const INTERNAL: &str = ".spin.internal";
/// Settings for which the host calls a component itself.
const CALLED_BY_HOST: [&str; 3] = ["on_start", "subscribe", "schedule"];
/// Keys of a trigger that are elsewhere in the configuration.
const MOVED: [&str; 3] = ["id", "component", "dependencies"];

/// The configuration. `flags` is the text of the file with feature flags.
pub(super) fn of(
    app: &App,
    manifest: &Value,
    form: Form,
    code: &BTreeMap<ComponentId, ComponentCode>,
    files: &BTreeMap<ComponentId, Vec<Value>>,
    flags: Option<&str>,
) -> Value {
    let components: Vec<Value> = app
        .components
        .values()
        .map(|component| {
            let (code, files) = (code.get(&component.id), files.get(&component.id));
            self::component(manifest, form, component, code, files)
        })
        .collect();
    let has_requirements = components.iter().any(|one| one.get("host_requirements").is_some());
    let must_understand = has_requirements.then(|| json!(["component_host_requirements"]));
    let locked = json!({
        "spin_lock_version": u8::from(has_requirements),
        "must_understand": must_understand,
        "metadata": metadata(app, manifest, form, flags),
        "variables": variables(app, manifest),
        "triggers": triggers(app, manifest),
        "components": components,
    });
    filled(locked, &["triggers", "components"])
}

fn metadata(app: &App, manifest: &Value, form: Form, flags: Option<&str>) -> Value {
    let written = raw::application(app, manifest);
    let settings = raw::trigger_settings(app, manifest);
    let types: Vec<&str> =
        kinds(app).into_iter().filter(|(_, count)| *count > 0).map(first).collect();
    let trigger = match types[..] {
        [kind] => {
            let mut trigger = settings[kind].as_object().cloned().unwrap_or_default();
            trigger.insert("type".to_owned(), json!(kind));
            Value::Object(trigger)
        }
        _ => Value::Null,
    };
    let own = &written["tool"]["tessera"];
    let own = (form.keeps_settings() && !own.is_null())
        .then(|| filled(json!({ SETTINGS: own, FLAGS: flags }), &[SETTINGS]));
    let metadata = json!({
        "name": app.name,
        "version": app.version,
        "description": written["description"],
        "authors": written["authors"],
        "triggers": settings.as_object().cloned().unwrap_or_default(),
        "trigger": trigger,
        "profile": app.origin.profile(),
        TESSERA: own,
    });
    filled(metadata, &["triggers"])
}

fn first<A, B>((first, _): (A, B)) -> A {
    first
}

fn kinds(app: &App) -> [(&'static str, usize); 4] {
    [
        ("http", app.http.len()),
        ("redis", app.redis.len()),
        ("cron", app.cron.len()),
        ("command", usize::from(app.command.is_some())),
    ]
}

fn variables(app: &App, manifest: &Value) -> Value {
    let variable = |(name, variable): (&String, &tessera_manifest::Variable)| {
        let value = json!({
            "description": manifest["variables"][name]["description"],
            "default": variable.default,
            "secret": variable.secret.then_some(true),
        });
        (name.clone(), filled(value, &["default"]))
    };
    app.variables.iter().map(variable).collect::<Map<_, _>>().into()
}

fn triggers(app: &App, manifest: &Value) -> Vec<Value> {
    let trigger = |kind: &str, id: &str, component: Option<&ComponentId>, written_at: &str| {
        let mut config = raw::at(manifest, written_at).as_object().cloned().unwrap_or_default();
        config.retain(|key, _| !MOVED.contains(&key.as_str()));
        config.extend(component.map(|id| ("component".to_owned(), json!(id))));
        json!({ "id": id, "trigger_type": kind, "trigger_config": config })
    };
    let http = app.http.iter().map(|one| {
        let component = match &one.handler {
            Handler::Component(id) => Some(id),
            Handler::Static(_) => None,
        };
        trigger("http", &one.id, component, &one.written_at)
    });
    let redis = app.redis.iter();
    let redis = redis.map(|one| trigger("redis", &one.id, Some(&one.component), &one.written_at));
    let cron = app.cron.iter();
    let cron = cron.map(|one| trigger("cron", &one.id, Some(&one.component), &one.written_at));
    let command = app.command.iter();
    let command =
        command.map(|one| trigger("command", &one.id, Some(&one.component), &one.written_at));
    http.chain(redis).chain(cron).chain(command).collect()
}

fn component(
    manifest: &Value,
    form: Form,
    component: &Component,
    code: Option<&ComponentCode>,
    files: Option<&Vec<Value>>,
) -> Value {
    let written = raw::at(manifest, &component.written_at);
    let none = ComponentCode::default();
    let code = code.unwrap_or(&none);
    let metadata = json!({
        "description": written["description"],
        "allowed_outbound_hosts": component.allowed_outbound_hosts,
        "key_value_stores": component.key_value_stores,
        "databases": component.sqlite_databases,
        "ai_models": component.ai_models,
        "build": written["build"],
        TESSERA: form.keeps_settings().then(|| own(component, written, code)),
    });
    let chains = component.allowed_outbound_hosts.iter().any(|host| is_internal(host));
    let requirements = json!({ CHAINING: chains.then_some(REQUIRED) });
    let locked = json!({
        "id": component.id,
        "metadata": filled(metadata, &[]),
        "source": code.source,
        "env": component.environment,
        "files": files,
        "config": component.variables,
        "dependencies": code.dependencies,
        "host_requirements": filled(requirements, &[]),
    });
    filled(locked, &[])
}

/// What only this host knows of a component: its settings, and the dependencies that are components
/// of the application, which may be linked.
fn own(component: &Component, written: &Value, code: &ComponentCode) -> Value {
    let of_app = component.dependencies.iter().filter_map(|dependency| {
        let Provider::Component { id, .. } = &dependency.provider else { return None };
        let is_kept = code.dependencies.contains_key(&dependency.import);
        is_kept.then(|| (dependency.import.clone(), json!(id)))
    });
    let mut settings = written["tool"]["tessera"].clone();
    let written_id = component.written_at.strip_prefix("component.");
    if let Some(table) = settings.as_object_mut()
        && written_id.is_some_and(|id| id != component.id)
    {
        // A copy for a trigger with middleware: the host calls only the original itself.
        table.retain(|key, _| !CALLED_BY_HOST.contains(&key.as_str()));
    }
    let own = json!({
        SETTINGS: settings,
        "dependencies": of_app.collect::<Map<_, _>>(),
    });
    filled(own, &[])
}

/// Whether a permission is about another component of the application.
fn is_internal(permission: &str) -> bool {
    let host = permission.split_once("://").map_or(permission, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or(host);
    host.ends_with(INTERNAL)
}

/// A table without its empty values, except for those of `kept`.
fn filled(table: Value, kept: &[&str]) -> Value {
    let Value::Object(mut table) = table else { return table };
    table.retain(|key, value| {
        let is_empty = match value {
            Value::Null => true,
            Value::Object(inner) => inner.is_empty() && !kept.contains(&key.as_str()),
            Value::Array(inner) => inner.is_empty() && !kept.contains(&key.as_str()),
            _ => false,
        };
        !is_empty
    });
    Value::Object(table)
}
