//! Schemas: whether all values of one are values of another one.
//!
//! What is not compared is what does not decide about values (titles, examples, defaults), and
//! `not`, `if` and `patternProperties`, of which only a change is reported.

mod bounds;
mod members;
mod merged;
mod types;

use crate::Break;
use crate::documents::Documents;
use merged::{ALTERNATIVES, PARTS, REFERENCE, key, merged};
use serde_json::{Map, Value, json};

/// Nested schemas. Deeper ones are taken to be equal.
const DEPTH_MAX: usize = 64;
/// The schema of a member or an item that has none.
static ANYTHING: Value = Value::Bool(true);
/// Keywords whose change is reported without a comparison.
const OPAQUE: [&str; 7] =
    ["not", "if", "then", "else", "patternProperties", "dependentRequired", "prefixItems"];

/// Which side of a contract has the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Those who use the contract send them.
    Sent,
    /// Those who use the contract receive them.
    Received,
}

/// Compares two schemas, with the documents that their references point into.
pub fn compare(old: &Value, new: &Value, direction: Direction) -> Vec<Break> {
    let mut breaks = Vec::new();
    within(Documents { old, new }, old, new, &Place::new("value", direction), &mut breaks);
    breaks
}

/// Where something is, and in which direction it goes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: String,
    path: String,
    pub(crate) direction: Direction,
    depth: usize,
    /// The pairs of schemas on the way here that consist of others.
    seen: Vec<(String, String)>,
}

/// One schema, with the document that it is in.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) schema: &'a Map<String, Value>,
}

impl Place {
    pub(crate) fn new(root: impl Into<String>, direction: Direction) -> Self {
        let (path, depth, seen) = Default::default();
        Self { root: root.into(), path, direction, depth, seen }
    }

    /// A member, an item or an alternative below.
    fn below(&self, step: &str) -> Self {
        let dot = if self.path.is_empty() || step.starts_with(['[', '{']) { "" } else { "." };
        let path = format!("{}{dot}{step}", self.path);
        Self { path, depth: self.depth + 1, ..self.clone() }
    }

    fn shown(&self) -> String {
        match self.path.as_str() {
            "" => self.root.clone(),
            path => format!("{}: {path}", self.root),
        }
    }

    pub(crate) fn report(&self, breaks: &mut Vec<Break>, reason: impl Into<String>) {
        breaks.push(Break::new(self.shown(), reason));
    }

    /// The text for the direction.
    pub(crate) fn pick<'a>(&self, sent: &'a str, received: &'a str) -> &'a str {
        match self.direction {
            Direction::Sent => sent,
            Direction::Received => received,
        }
    }
}

/// Reports what no longer fits between two schemas.
pub(crate) fn within(
    documents: Documents<'_>,
    old: &Value,
    new: &Value,
    place: &Place,
    breaks: &mut Vec<Break>,
) {
    let mut place = place.clone();
    if place.depth > DEPTH_MAX {
        return;
    }
    if consists_of_others(old) || consists_of_others(new) {
        let pair = (key(old), key(new));
        if place.seen.contains(&pair) {
            return;
        }
        place.seen.push(pair);
    }
    let (before, now) = (merged(documents.old, old), merged(documents.new, new));
    if before.get(REFERENCE) != now.get(REFERENCE) {
        // In another document: only the names can be compared.
        place.report(breaks, "it refers to another schema, which is not in the document");
        return;
    }
    if accepts_nothing(&before) || accepts_nothing(&now) {
        if before != now {
            place.report(breaks, "it is allowed in one of both only");
        }
        return;
    }
    if alternatives(&before).is_some() || alternatives(&now).is_some() {
        return of_alternatives(documents, &before, &now, &place, breaks);
    }
    let empty = Map::new();
    let old = Side { schema: before.as_object().unwrap_or(&empty) };
    let new = Side { schema: now.as_object().unwrap_or(&empty) };
    of_objects(documents, old, new, &place, breaks);
}

/// Reports what no longer fits between two schemas without parts and alternatives.
fn of_objects(
    documents: Documents<'_>,
    old: Side<'_>,
    new: Side<'_>,
    place: &Place,
    breaks: &mut Vec<Break>,
) {
    let (inner, outer) = match place.direction {
        Direction::Sent => (old, new),
        Direction::Received => (new, old),
    };
    let count = breaks.len();
    types::check(inner, outer, place, breaks);
    if breaks.len() > count {
        // The rest follows from it.
        return;
    }
    types::check_values(inner, outer, place, breaks);
    bounds::check(inner, outer, place, breaks);
    members::check(documents, old, new, place, breaks);
    for keyword in OPAQUE {
        let (before, now) = (old.schema.get(keyword), new.schema.get(keyword));
        if before != now && outer.schema.contains_key(keyword) {
            place.report(breaks, format!("`{keyword}` is another one"));
        }
    }
    let (before, now) = (old.schema.get("items"), new.schema.get("items"));
    if before.is_some() || now.is_some() {
        let (before, now) = (before.unwrap_or(&ANYTHING), now.unwrap_or(&ANYTHING));
        within(documents, before, now, &place.below("[]"), breaks);
    }
}

/// Whether a schema has references or parts, which may lead back to it.
fn consists_of_others(schema: &Value) -> bool {
    [REFERENCE, PARTS].iter().any(|keyword| schema.get(keyword).is_some())
}

/// The schema `false`.
fn accepts_nothing(schema: &Value) -> bool {
    *schema == Value::Bool(false)
}

/// The alternatives of a merged schema.
fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get(ALTERNATIVES).and_then(Value::as_array)
}

/// Each alternative of one side must fit one of the other.
fn of_alternatives(
    documents: Documents<'_>,
    old: &Value,
    new: &Value,
    place: &Place,
    breaks: &mut Vec<Break>,
) {
    let (before, now) = (all_of(old), all_of(new));
    let fits = |old: &Value, new: &Value| {
        let mut found = Vec::new();
        within(documents, old, new, &place.below("{…}"), &mut found);
        found
    };
    let (inner, outer) = match place.direction {
        Direction::Sent => (&before, &now),
        Direction::Received => (&now, &before),
    };
    for (number, one) in inner.iter().enumerate() {
        let answers: Vec<Vec<Break>> = outer
            .iter()
            .map(|other| match place.direction {
                Direction::Sent => fits(one, other),
                Direction::Received => fits(other, one),
            })
            .collect();
        if answers.iter().any(Vec::is_empty) {
            continue;
        }
        let text = place.pick("is no longer accepted", "is new");
        let reasons = match &answers[..] {
            [only] => {
                let reasons: Vec<&str> = only.iter().map(|one| &*one.reason).collect();
                format!(": {}", reasons.join("; "))
            }
            _ => String::new(),
        };
        place.report(breaks, format!("alternative {} {text}{reasons}", number + 1));
    }
}

/// The alternatives of a merged schema, each with what is beside them.
fn all_of(schema: &Value) -> Vec<Value> {
    let Some(all) = alternatives(schema) else { return vec![schema.clone()] };
    let mut rest = schema.as_object().cloned().unwrap_or_default();
    [ALTERNATIVES, REFERENCE].iter().for_each(|keyword| drop(rest.remove(*keyword)));
    let with_rest = |one: &Value| match rest.is_empty() {
        true => one.clone(),
        false => json!({ PARTS: [one, rest] }),
    };
    all.iter().map(with_rest).collect()
}

#[cfg(test)]
mod tests;
