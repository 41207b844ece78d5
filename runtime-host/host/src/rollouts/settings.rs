//! The configuration of a revision, as a tree: what it means is up to those who make revisions.
//!
//! An object with the only member `secret` is a secret: it is kept, and never shown.

use super::digest::{SettingsId, of_secret};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// The member of an object that is a secret.
const SECRET: &str = "secret";
/// The digits of a secret's digest that are shown.
const SECRET_SHOWN_LENGTH: usize = 12;

/// The configuration of a revision.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Settings(Value);

/// What the digests of secrets are made with, so that short ones can't be guessed from them.
#[derive(Clone)]
pub(crate) struct SecretKey(pub(super) String);

/// A member that differs between two configurations. Secrets are replaced by their digests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// Its path: `variables.greeting`.
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) after: Option<Value>,
}

impl Settings {
    pub(crate) fn new(tree: impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_value(tree).map(Self)
    }

    /// As a value of a type.
    pub(crate) fn read<T: for<'a> Deserialize<'a>>(&self) -> serde_json::Result<T> {
        T::deserialize(&self.0)
    }

    /// Its name.
    pub(crate) fn id(&self, key: &SecretKey) -> SettingsId {
        SettingsId::of(mapped(&self.0, &|secret| of_secret(&key.0, secret)).to_string())
    }

    /// With the digests of secrets in their place.
    pub(crate) fn shown(&self, key: &SecretKey) -> Value {
        mapped(&self.0, &|secret| shown(key, secret))
    }

    /// The configuration after a change elsewhere: what differs between `before` and `after` is as in
    /// `after`, and everything else stays as it is. So what was taken back stays taken back until it
    /// is changed again.
    pub(crate) fn merged(&self, before: &Self, after: &Self) -> Self {
        let merged = merge(Some(&self.0), Some(&before.0), Some(&after.0));
        Self(merged.unwrap_or_default())
    }

    /// What differs in another configuration.
    pub(crate) fn differences(&self, after: &Self, key: &SecretKey) -> Vec<Difference> {
        let mut found = Vec::new();
        compare("", Some(&self.0), Some(&after.0), &mut found);
        let masked =
            |value: Option<&Value>| value.map(|value| mapped(value, &|one| shown(key, one)));
        let difference = |(path, before, after)| Difference {
            key: path,
            before: masked(before),
            after: masked(after),
        };
        found.into_iter().map(difference).collect()
    }
}

/// Without values.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

fn shown(key: &SecretKey, secret: &str) -> String {
    let digest = of_secret(&key.0, secret);
    format!("digest {}", digest.get(..SECRET_SHOWN_LENGTH).unwrap_or(&digest))
}

/// The members of an object that is not a secret.
fn members(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value?.as_object().filter(|object| secret(object).is_none())
}

fn secret(object: &Map<String, Value>) -> Option<&str> {
    (object.len() == 1).then(|| object.get(SECRET)?.as_str()).flatten()
}

/// The same tree with its keys in order, and with other texts in place of secrets.
fn mapped(value: &Value, mask: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Array(all) => all.iter().map(|one| mapped(one, mask)).collect(),
        Value::Object(object) => match secret(object) {
            Some(secret) => json!({ SECRET: mask(secret) }),
            None => {
                let names: BTreeSet<_> = object.keys().collect();
                let member = |name: &String| Some((name.clone(), mapped(object.get(name)?, mask)));
                Value::Object(names.into_iter().filter_map(member).collect())
            }
        },
        value => value.clone(),
    }
}

fn merge(stable: Option<&Value>, before: Option<&Value>, after: Option<&Value>) -> Option<Value> {
    if before == after {
        return stable.cloned();
    }
    let (Some(from), Some(to)) = (members(before), members(after)) else { return after.cloned() };
    let (none, names) = (Map::new(), names(from, to));
    let stable = members(stable).unwrap_or(&none);
    let mut merged = stable.clone();
    for name in names {
        match merge(stable.get(name), from.get(name), to.get(name)) {
            Some(value) => merged.insert(name.clone(), value),
            None => merged.remove(name),
        };
    }
    Some(Value::Object(merged))
}

type Found<'a> = (String, Option<&'a Value>, Option<&'a Value>);

fn compare<'a>(
    path: &str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    found: &mut Vec<Found<'a>>,
) {
    if before == after {
        return;
    }
    let empty = |value: Option<&Value>| value.is_none_or(|value| members(Some(value)).is_some());
    if !(empty(before) && empty(after)) {
        found.push((path.to_owned(), before, after));
        return;
    }
    let none = Map::new();
    let (from, to) = (members(before).unwrap_or(&none), members(after).unwrap_or(&none));
    for name in names(from, to) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let of = |value: Option<&'a Value>| members(value).and_then(|all| all.get(name));
        compare(&path, of(before), of(after), found);
    }
}

fn names<'a>(one: &'a Map<String, Value>, other: &'a Map<String, Value>) -> BTreeSet<&'a String> {
    one.keys().chain(other.keys()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(value: Value) -> Settings {
        Settings(value)
    }

    fn key() -> SecretKey {
        SecretKey("k".to_owned())
    }

    #[test]
    fn a_change_leaves_what_it_does_not_change() {
        let before = settings(json!({ "variables": { "a": "1", "b": "1", "gone": "1" } }));
        let after = settings(json!({ "variables": { "a": "2", "b": "1", "new": "1" } }));
        // `b` was taken back to an earlier value.
        let stable = settings(json!({ "variables": { "a": "1", "b": "0", "gone": "1" } }));
        let merged = stable.merged(&before, &after);
        assert_eq!(merged.0, json!({ "variables": { "a": "2", "b": "0", "new": "1" } }));
        assert_eq!(before.merged(&before, &after).0, after.0);
        assert_eq!(stable.merged(&before, &before).0, stable.0);
    }

    #[test]
    fn lists_and_secrets_are_changed_whole() {
        let secret = |text: &str| json!({ SECRET: text });
        let before = settings(json!({ "v": secret("a"), "hosts": ["a", "b"] }));
        let after = settings(json!({ "v": "open", "hosts": ["c"] }));
        assert_eq!(before.merged(&before, &after).0, after.0);
        let paths: Vec<_> =
            before.differences(&after, &key()).into_iter().map(|one| one.key).collect();
        assert_eq!(paths, ["hosts", "v"]);
    }

    #[test]
    fn secrets_are_compared_and_not_shown() {
        let with = |text: &str| settings(json!({ "variables": { "v": { SECRET: text } } }));
        let (one, other) = (with("hunter2"), with("hunter3"));
        assert_ne!(one.id(&key()), other.id(&key()));
        assert_ne!(one.id(&key()), one.id(&SecretKey("another".to_owned())));
        let differences = one.differences(&other, &key());
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].key, "variables.v");
        assert_ne!(differences[0].before, differences[0].after);
        let text = format!("{differences:?}{one:?}{}", one.shown(&key()));
        assert!(!text.contains("hunter"), "{text}");
        assert!(text.contains("digest "), "{text}");
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one = serde_json::from_str(r#"{"a": {"x": 1, "y": 2}, "b": 1}"#).unwrap();
        let other = serde_json::from_str(r#"{"b": 1, "a": {"y": 2, "x": 1}}"#).unwrap();
        assert_eq!(settings(one).id(&key()), settings(other).id(&key()));
    }

    #[test]
    fn whole_tables_that_come_or_go_differ_by_their_members() {
        let (before, after) = (settings(json!({})), settings(json!({ "limits": { "a": 1 } })));
        let differences = before.differences(&after, &key());
        assert_eq!(differences.len(), 1);
        assert_eq!(
            (differences[0].key.as_str(), &differences[0].after),
            ("limits.a", &Some(json!(1)))
        );
    }
}
