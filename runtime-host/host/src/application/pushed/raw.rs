//! The manifest as it is written, for what the host does not need and others do: descriptions, the
//! build commands, the settings of triggers.

use anyhow::Context as _;
use serde_json::Value;
use tessera_manifest::{App, Version};

/// The manifest of an application, as a value.
pub(super) fn manifest(app: &App) -> anyhow::Result<Value> {
    toml_edit::de::from_str(app.origin.text()).context("the manifest can't be read")
}

/// The value at a path as [`tessera_manifest`] writes it, for example `trigger.http[0]`.
pub(super) fn at<'a>(manifest: &'a Value, path: &str) -> &'a Value {
    let mut value = manifest;
    for part in path.split('.') {
        let mut indices = part.split('[');
        value = &value[indices.next().unwrap_or_default().trim_matches('"')];
        for index in indices {
            let index = index.trim_end_matches(']').parse::<usize>().unwrap_or(usize::MAX);
            value = &value[index];
        }
    }
    value
}

/// The table with what the application says about itself.
pub(super) fn application<'a>(app: &App, manifest: &'a Value) -> &'a Value {
    match app.origin.version() {
        Version::One => manifest,
        Version::Two => &manifest["application"],
    }
}

/// The settings of all triggers of a type, by type.
pub(super) fn trigger_settings(app: &App, manifest: &Value) -> Value {
    match app.origin.version() {
        Version::Two => manifest["application"]["trigger"].clone(),
        Version::One => {
            let mut settings = manifest["trigger"].clone();
            let kind = settings.as_object_mut().and_then(|settings| settings.remove("type"));
            let mut all = Value::Null;
            if let Some(kind) = kind.as_ref().and_then(Value::as_str) {
                all[kind] = settings;
            }
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_a_value() {
        let manifest = json!({ "trigger": { "http": [{ "route": "/a" }] }, "a": { "b c": 1 } });
        assert_eq!(at(&manifest, "trigger.http[0]"), &json!({ "route": "/a" }));
        assert_eq!(at(&manifest, "a.\"b c\""), &json!(1));
        assert_eq!(at(&manifest, "trigger.http[1].x"), &Value::Null);
    }
}
