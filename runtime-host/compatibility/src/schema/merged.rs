//! Schemas that consist of several: what their references lead to, the parts of `allOf`, and the
//! keywords beside them. A value has to fit all of them.

use super::bounds::{FORMS, LEAST, MOST};
use super::types::in_both;
use super::{DEPTH_MAX, OPAQUE};
use crate::documents::{reference, target};
use serde_json::{Map, Value, json};

/// The keyword of a reference. In a merged schema, it has all that lead out of the document.
pub(super) const REFERENCE: &str = "$ref";
/// The keyword of the parts of a schema.
pub(super) const PARTS: &str = "allOf";
/// The keyword of alternatives. In a merged schema, those of `oneOf` are there too.
pub(super) const ALTERNATIVES: &str = "anyOf";
/// The other keyword of alternatives.
const ONE_OF: &str = "oneOf";
/// Other keywords that decide about values, beside limits and those that are not compared.
const OTHERS: [&str; 7] =
    ["type", "enum", "const", "properties", "required", "items", "additionalProperties"];

/// Whether a keyword decides about values. Titles and examples do not.
fn decides(keyword: &str) -> bool {
    [REFERENCE, PARTS, ALTERNATIVES, ONE_OF].contains(&keyword)
        || OTHERS.contains(&keyword)
        || LEAST.contains(&keyword)
        || MOST.contains(&keyword)
        || FORMS.contains(&keyword)
        || OPAQUE.contains(&keyword)
}

/// A text that is the same for schemas that are written alike.
pub(super) fn key(schema: &Value) -> String {
    let Some(keywords) = schema.as_object() else { return schema.to_string() };
    let deciding = keywords.iter().filter(|(keyword, _)| decides(keyword));
    let deciding = deciding.map(|(keyword, value)| (keyword.clone(), value.clone()));
    Value::Object(deciding.collect()).to_string()
}

/// A schema as one object without parts, or `false` if it accepts nothing.
pub(super) fn merged(document: &Value, schema: &Value) -> Value {
    let mut merge = Merge { document, seen: Vec::new(), whole: Map::new() };
    match merge.add(schema, 0) {
        true => Value::Object(merge.whole),
        false => Value::Bool(false),
    }
}

struct Merge<'a> {
    document: &'a Value,
    /// References that are part of it already. Another time, they add nothing, and may be a cycle.
    seen: Vec<&'a str>,
    whole: Map<String, Value>,
}

impl<'a> Merge<'a> {
    /// Adds all that a schema consists of. False if it accepts nothing.
    fn add(&mut self, schema: &'a Value, depth: usize) -> bool {
        let Some(keywords) = schema.as_object() else { return *schema != Value::Bool(false) };
        if depth > DEPTH_MAX {
            return true;
        }
        let mut accepts = true;
        if let Some(name) = reference(schema) {
            accepts &= self.add_reference(name, depth);
        }
        let parts = schema.get(PARTS).and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            accepts &= self.add(part, depth + 1);
        }
        for (keyword, value) in keywords {
            let is_followed = keyword == REFERENCE || keyword == PARTS;
            if decides(keyword) && !is_followed {
                self.combine(keyword, value);
            }
        }
        accepts
    }

    fn add_reference(&mut self, name: &'a str, depth: usize) -> bool {
        if self.seen.contains(&name) {
            return true;
        }
        self.seen.push(name);
        if let Some(found) = target(self.document, name) {
            return self.add(found, depth + 1);
        }
        let elsewhere = self.whole.entry(REFERENCE).or_insert_with(|| json!([]));
        if let Value::Array(names) = elsewhere {
            names.push(json!(name));
        }
        true
    }

    /// Adds one keyword. If there is one already, what both allow is allowed.
    fn combine(&mut self, keyword: &str, value: &Value) {
        let (keyword, value) = match keyword {
            "const" => ("enum", json!([value])),
            ONE_OF => (ALTERNATIVES, value.clone()),
            keyword => (keyword, value.clone()),
        };
        let value = match self.whole.remove(keyword) {
            None => value,
            Some(before) if before == value => value,
            Some(before) if keyword == ALTERNATIVES => {
                self.add_alternatives(&value);
                before
            }
            Some(before) => both(keyword, before, value),
        };
        self.whole.insert(keyword.to_owned(), value);
    }

    /// Keeps more alternatives as a part: they count for each of the alternatives before.
    fn add_alternatives(&mut self, value: &Value) {
        let parts = self.whole.entry(PARTS).or_insert_with(|| json!([]));
        if let Value::Array(parts) = parts {
            parts.push(json!({ ALTERNATIVES: value }));
        }
    }
}

/// The value of a keyword that allows what two of them allow.
fn both(keyword: &str, one: Value, other: Value) -> Value {
    match (keyword, one, other) {
        ("type", one, other) => in_both(&one, &other),
        ("enum", Value::Array(one), Value::Array(other)) => {
            one.into_iter().filter(|value| other.contains(value)).collect()
        }
        ("required", Value::Array(one), Value::Array(other)) => {
            one.into_iter().chain(other).collect()
        }
        ("properties", Value::Object(one), Value::Object(other)) => members(one, other).into(),
        ("additionalProperties", one, other) => of_others(one, other),
        // One of them is true.
        ("uniqueItems", ..) => Value::Bool(true),
        ("items", one, other) => json!({ PARTS: [one, other] }),
        (keyword, one, other) if LEAST.contains(&keyword) => {
            limit(one, other, |new, old| new > old)
        }
        (keyword, one, other) if MOST.contains(&keyword) => limit(one, other, |new, old| new < old),
        // Only a change of them is noticed.
        (_, one, other) => json!([one, other]),
    }
}

/// All members. Those with the same name have to fit both schemas.
fn members(mut one: Map<String, Value>, other: Map<String, Value>) -> Map<String, Value> {
    for (name, member) in other {
        let member = match one.remove(&name) {
            Some(before) if before != member => json!({ PARTS: [before, member] }),
            _ => member,
        };
        one.insert(name, member);
    }
    one
}

/// What two values of `additionalProperties` allow: `true` allows all, and `false` nothing.
fn of_others(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Bool(true), rest) | (rest, Value::Bool(true)) => rest,
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        (one, other) => json!({ PARTS: [one, other] }),
    }
}

/// The stricter one of two limits.
fn limit(one: Value, other: Value, is_stricter: impl Fn(f64, f64) -> bool) -> Value {
    match (one.as_f64(), other.as_f64()) {
        (Some(first), Some(second)) if is_stricter(second, first) => other,
        (None, Some(_)) => other,
        _ => one,
    }
}
