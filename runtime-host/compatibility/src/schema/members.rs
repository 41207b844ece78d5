//! Members of objects.

use super::{ANYTHING, Place, Side, within};
use crate::Break;
use crate::documents::Documents;
use crate::schema::Direction;
use serde_json::{Map, Value};

pub(super) fn check(
    documents: Documents<'_>,
    old: Side<'_>,
    new: Side<'_>,
    place: &Place,
    breaks: &mut Vec<Break>,
) {
    let (before, now) = (properties(old), properties(new));
    for (name, member) in &before {
        match now.get(name) {
            Some(changed) => within(documents, member, changed, &place.below(name), breaks),
            None => place.below(name).report(breaks, "the member was removed"),
        }
    }
    let (was, is) = (required(old), required(new));
    match place.direction {
        Direction::Sent => {
            for name in is.iter().filter(|name| !was.contains(name)) {
                let text = "it is required now, and was not before";
                place.below(name).report(breaks, text);
            }
        }
        Direction::Received => {
            for name in was.iter().filter(|name| !is.contains(name)) {
                // A removed member is reported already.
                if now.contains_key(*name) || !before.contains_key(*name) {
                    let text = "it may be missing, and was always there before";
                    place.below(name).report(breaks, text);
                }
            }
        }
    }
    others(documents, old, new, place, breaks);
}

/// Members without a name in the schema.
fn others(
    documents: Documents<'_>,
    old: Side<'_>,
    new: Side<'_>,
    place: &Place,
    breaks: &mut Vec<Break>,
) {
    let (before, now) =
        (old.schema.get("additionalProperties"), new.schema.get("additionalProperties"));
    let is_closed = |value: Option<&Value>| value == Some(&Value::Bool(false));
    if place.direction == Direction::Sent && is_closed(now) && !is_closed(before) {
        return place.report(breaks, "members that it does not name are no longer accepted");
    }
    // Who receives a member without a name ignores it, unless such members had a schema.
    if is_closed(before) || is_closed(now) {
        return;
    }
    let has_schema = |value: Option<&Value>| value.is_some_and(Value::is_object);
    if has_schema(before) || has_schema(now) {
        let (before, now) = (before.unwrap_or(&ANYTHING), now.unwrap_or(&ANYTHING));
        within(documents, before, now, &place.below("*"), breaks);
    }
}

fn properties(side: Side<'_>) -> Map<String, Value> {
    side.schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn required(side: Side<'_>) -> Vec<&str> {
    let names = side.schema.get("required").and_then(Value::as_array);
    names.map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}
