//! Types, and lists of values.

use super::{Place, Side};
use crate::Break;
use serde_json::Value;

/// All types of JSON, of which `integer` is a part of `number`.
const TYPES: [&str; 6] = ["array", "boolean", "null", "number", "object", "string"];

/// The types that a schema allows.
pub(super) fn of(side: Side<'_>) -> Vec<&str> {
    match side.schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => TYPES.to_vec(),
    }
}

pub(super) fn check(inner: Side<'_>, outer: Side<'_>, place: &Place, breaks: &mut Vec<Break>) {
    // A list of values says more than a type.
    let is_listed = inner.schema.contains_key("const") || inner.schema.contains_key("enum");
    if is_listed && !inner.schema.contains_key("type") {
        return;
    }
    let allowed = of(outer);
    let fits =
        |kind: &str| allowed.contains(&kind) || (kind == "integer" && allowed.contains(&"number"));
    let missing: Vec<&str> = of(inner).into_iter().filter(|kind| !fits(kind)).collect();
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
            of(inner).join(" or "),
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
