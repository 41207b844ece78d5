//! Schemas of events: a table with the type of each event and the schema of its data.

use crate::Break;
use crate::documents::Documents;
use crate::schema::{Direction, Place, within};
use serde_json::{Map, Value};

/// Compares the schemas of events. Events are received.
///
/// A document has the schemas of its events by type, at the top or in `events`. A document that is one
/// schema is compared as one event.
pub fn compare(old: &Value, new: &Value) -> Vec<Break> {
    let documents = Documents { old, new };
    let (Some(before), Some(now)) = (schemas(old), schemas(new)) else {
        return vec![Break::new("events", "both documents must be tables of schemas")];
    };
    let mut breaks = Vec::new();
    if before.is_empty() {
        breaks.push(Break::new("events", "the old document has no schema of an event"));
    }
    for (kind, before) in &before {
        match now.get(kind) {
            None => breaks.push(Break::new(kind, "the event is no longer published")),
            Some(now) => {
                let place = Place::new(kind, Direction::Received);
                within(documents, before, now, &place, &mut breaks);
            }
        }
    }
    breaks
}

fn schemas(document: &Value) -> Option<Map<String, Value>> {
    let table = document.get("events").unwrap_or(document).as_object()?;
    let is_schema = ["type", "$ref", "properties", "anyOf", "oneOf", "allOf"];
    if is_schema.iter().any(|key| table.contains_key(*key)) {
        return Some(Map::from_iter([("event".to_owned(), document.clone())]));
    }
    let is_definition = |key: &str| key.starts_with('$') || key == "components";
    let schemas = table.iter().filter(|(key, schema)| {
        let is_schema = schema.is_object() || schema.is_boolean();
        is_schema && !is_definition(key)
    });
    Some(schemas.map(|(key, schema)| (key.clone(), schema.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_without_events_is_no_old_contract() {
        let event = json!({ "order.placed.v1": { "type": "object" } });
        let without = [json!({}), json!({ "events": {} }), json!({ "title": "x", "$defs": {} })];
        for old in without {
            let breaks: Vec<_> = compare(&old, &event).iter().map(ToString::to_string).collect();
            assert_eq!(breaks, ["events: the old document has no schema of an event"], "{old}");
        }
    }

    #[test]
    fn events_may_gain_members_and_lose_none() {
        let event = json!({
            "type": "object", "required": ["id"],
            "properties": { "id": { "type": "string" }, "note": { "type": "string" } },
        });
        let old = json!({ "order.placed.v1": event, "order.lost.v1": event });
        let mut new = json!({ "order.placed.v1": event });
        new["order.placed.v1"]["properties"]["more"] = json!({ "type": "string" });
        let breaks: Vec<_> = compare(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(breaks, ["order.lost.v1: the event is no longer published"]);
        new = json!({ "order.placed.v1": event, "order.lost.v1": event });
        new["order.placed.v1"]["required"] = json!([]);
        new["order.lost.v1"]["properties"]["note"] = json!({ "type": ["string", "null"] });
        let breaks: Vec<_> = compare(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            breaks,
            [
                "order.lost.v1: note: it can be null, and could not be before",
                "order.placed.v1: id: it may be missing, and was always there before",
            ]
        );
        assert_eq!(compare(&event, &event), []);
    }
}
