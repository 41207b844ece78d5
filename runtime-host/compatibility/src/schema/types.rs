//! Types, and lists of values.

use super::{Place, Side};
use crate::Break;
use serde_json::Value;

/// All types of JSON, of which `integer` is a part of `number`.
const TYPES: [&str; 6] = ["array", "boolean", "null", "number", "object", "string"];

/// The types that a schema allows.
fn of(side: Side<'_>) -> Vec<&str> {
    side.schema.get("type").map_or(TYPES.to_vec(), names)
}

/// The types that the values of a schema have. A list of values says more than a type.
fn of_values(side: Side<'_>) -> Vec<&str> {
    let Some(values) = values(side) else { return of(side) };
    let mut kinds: Vec<&str> = values.into_iter().map(of_value).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The types that the keyword `type` names.
fn names(kinds: &Value) -> Vec<&str> {
    match kinds {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => TYPES.to_vec(),
    }
}

/// The type of one value.
fn of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.as_f64().is_some_and(|it| it.fract() == 0.0) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a type is one of these, or a part of one.
fn is_in(kind: &str, allowed: &[&str]) -> bool {
    allowed.contains(&kind) || (kind == "integer" && allowed.contains(&"number"))
}

/// The types that two values of the keyword `type` allow.
pub(super) fn in_both(one: &Value, other: &Value) -> Value {
    let (one, other) = (names(one), names(other));
    let mut kinds: Vec<&str> = one.iter().filter(|kind| is_in(kind, &other)).copied().collect();
    kinds.extend(other.iter().filter(|kind| is_in(kind, &one)));
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into()
}

pub(super) fn check(inner: Side<'_>, outer: Side<'_>, place: &Place, breaks: &mut Vec<Break>) {
    let (found, allowed) = (of_values(inner), of(outer));
    let missing: Vec<&str> = found.iter().filter(|kind| !is_in(kind, &allowed)).copied().collect();
    if missing.is_empty() {
        return;
    }
    let reason = match (&missing[..], place.pick("sent", "received")) {
        (["null"], "sent") => "it can't be null any more".to_owned(),
        (["null"], _) => "it can be null, and could not be before".to_owned(),
        (_, "sent") => format!(
            "its type is {} now, and {} is no longer accepted",
            allowed.join(" or "),
            missing.join(" or ")
        ),
        _ => format!(
            "its type is {} now, and was {} before",
            found.join(" or "),
            allowed.join(" or ")
        ),
    };
    place.report(breaks, reason);
}

/// The values that a schema lists; none if it does not.
fn values(side: Side<'_>) -> Option<Vec<&Value>> {
    if let Some(only) = side.schema.get("const") {
        return Some(vec![only]);
    }
    Some(side.schema.get("enum")?.as_array()?.iter().collect())
}

pub(super) fn check_values(
    inner: Side<'_>,
    outer: Side<'_>,
    place: &Place,
    breaks: &mut Vec<Break>,
) {
    let Some(allowed) = values(outer) else { return };
    let Some(listed) = values(inner) else {
        let text = place.pick("only some values are accepted now", "it can have any value now");
        return place.report(breaks, text);
    };
    let missing: Vec<String> = listed
        .into_iter()
        .filter(|value| !allowed.contains(value))
        .map(|value| format!("`{}`", value.to_string().trim_matches('"')))
        .collect();
    if !missing.is_empty() {
        let text = place.pick("is no longer accepted", "is a new value");
        place.report(breaks, format!("{} {text}", missing.join(", ")));
    }
}
