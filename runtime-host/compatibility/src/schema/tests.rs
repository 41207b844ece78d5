//! What breaks, and what does not, in each direction.

use super::*;
use serde_json::json;

/// The breaks of two schemas, in both directions.
fn breaks(old: &Value, new: &Value) -> (Vec<String>, Vec<String>) {
    let of = |direction| {
        let breaks = compare(old, new, direction);
        breaks.iter().map(|one| one.to_string().replacen("value: ", "", 1)).collect()
    };
    (of(Direction::Sent), of(Direction::Received))
}

fn object(members: Value, required: Value) -> Value {
    json!({ "type": "object", "properties": members, "required": required })
}

#[test]
fn a_schema_fits_itself() {
    let schema = json!({
        "type": "object",
        "required": ["a", "b"],
        "additionalProperties": false,
        "properties": {
            "a": { "type": "array", "items": { "enum": ["x", "y"] }, "maxItems": 3 },
            "b": { "anyOf": [{ "type": "string", "pattern": "^a" }, { "type": "null" }] },
            "c": { "allOf": [{ "type": "object", "properties": { "d": { "minimum": 1 } } }] },
            "e": { "type": "object", "additionalProperties": { "type": "integer" } },
        },
    });
    assert_eq!(breaks(&schema, &schema), Default::default());
}

#[test]
fn a_removed_member_breaks_both_sides() {
    let old = object(json!({ "a": {}, "b": { "type": "string" } }), json!(["b"]));
    let new = object(json!({ "a": {} }), json!([]));
    let expected = vec!["b: the member was removed".to_owned()];
    assert_eq!(breaks(&old, &new), (expected.clone(), expected));
}

#[test]
fn a_newly_required_member_breaks_senders_and_an_optional_one_receivers() {
    let (one, other) =
        (object(json!({ "a": {} }), json!([])), object(json!({ "a": {} }), json!(["a"])));
    let required = vec!["a: it is required now, and was not before".to_owned()];
    let missing = vec!["a: it may be missing, and was always there before".to_owned()];
    assert_eq!(breaks(&one, &other), (required, vec![]));
    assert_eq!(breaks(&other, &one), (vec![], missing));
}

#[test]
fn members_may_be_added_unless_they_are_required() {
    let old = object(json!({}), json!([]));
    let new = object(json!({ "a": { "type": "string" } }), json!([]));
    assert_eq!(breaks(&old, &new), Default::default());
    let closed = json!({ "type": "object", "additionalProperties": false });
    let (sent, received) = breaks(&old, &closed);
    assert_eq!(sent, ["members that it does not name are no longer accepted"]);
    assert_eq!(received, Vec::<String>::new());
}

#[test]
fn types_may_widen_for_senders_and_narrow_for_receivers() {
    let (integer, number) = (json!({ "type": "integer" }), json!({ "type": "number" }));
    let (sent, received) = breaks(&integer, &number);
    assert_eq!(sent, Vec::<String>::new());
    assert_eq!(received, ["its type is number now, and was integer before"]);
    let (sent, received) = breaks(&number, &integer);
    assert_eq!(sent, ["its type is integer now, and number is no longer accepted"]);
    assert_eq!(received, Vec::<String>::new());
    let nullable = json!({ "type": ["integer", "null"] });
    assert_eq!(breaks(&nullable, &integer).0, ["it can't be null any more"]);
    let text = "it can be null, and could not be before";
    assert_eq!(breaks(&integer, &nullable).1, [text]);
}

#[test]
fn listed_values_are_compared() {
    let (old, new) = (json!({ "enum": ["a", "b"] }), json!({ "enum": ["b", "c"] }));
    let (sent, received) = breaks(&old, &new);
    assert_eq!(sent, ["`a` is no longer accepted"]);
    assert_eq!(received, ["`c` is a new value"]);
    let (sent, _) =
        breaks(&json!({ "type": "string" }), &json!({ "type": "string", "enum": ["a"] }));
    assert_eq!(sent, ["only some values are accepted now"]);
    let (sent, received) = breaks(&json!({ "const": "a" }), &json!({ "type": "string" }));
    assert_eq!(sent, Vec::<String>::new());
    assert_eq!(received, ["it can have any value now"]);
}

#[test]
fn limits_and_forms_are_compared() {
    let (old, new) = (json!({ "maxLength": 10 }), json!({ "maxLength": 5 }));
    let text = "`maxLength` is `5` now, and was `10` before";
    assert_eq!(breaks(&old, &new), (vec![text.to_owned()], vec![]));
    let (old, new) = (json!({ "minimum": 1 }), json!({}));
    let text = "`minimum` is not set now, and was `1` before";
    assert_eq!(breaks(&old, &new), (vec![], vec![text.to_owned()]));
    let (sent, _) = breaks(&json!({}), &json!({ "pattern": "^a$" }));
    assert_eq!(sent, ["`pattern` is `^a$` now, and was not set before"]);
}

#[test]
fn items_and_nested_members_have_a_path() {
    let list = |kind: &str| {
        object(
            json!({ "lines": { "type": "array", "items": object(json!({ "n": { "type": kind } }), json!([])) } }),
            json!([]),
        )
    };
    let (sent, _) = breaks(&list("number"), &list("integer"));
    assert_eq!(sent, ["lines[].n: its type is integer now, and number is no longer accepted"]);
}

#[test]
fn each_alternative_must_fit_another_one() {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "number" }));
    let both = json!({ "oneOf": [text, number] });
    let (sent, received) = breaks(&both, &text);
    let reason = "its type is string now, and number is no longer accepted";
    assert_eq!(sent, [format!("alternative 2 is no longer accepted: {reason}")]);
    assert_eq!(received, Vec::<String>::new());
    let (sent, received) = breaks(&text, &both);
    assert_eq!(sent, Vec::<String>::new());
    assert_eq!(received.len(), 1);
    assert_eq!(breaks(&both, &json!({ "anyOf": [number, text] })), Default::default());
}

#[test]
fn references_are_followed_also_in_circles() {
    let tree = |kind: &str| {
        json!({
            "$ref": "#/components/schemas/Tree",
            "schemas": { "Tree": {
                "type": "object",
                "properties": {
                    "value": { "type": kind },
                    "left": { "$ref": "#/components/schemas/Tree" },
                },
            } },
        })
    };
    let (sent, _) = breaks(&tree("number"), &tree("string"));
    assert_eq!(sent, ["value: its type is string now, and number is no longer accepted"]);
    let unknown = json!({ "$ref": "#/components/schemas/Elsewhere" });
    assert_eq!(breaks(&unknown, &unknown), Default::default());
}

/// Pairs of which the second is no longer what senders of the first may rely on.
fn narrower(cases: impl IntoIterator<Item = (Value, Value)>) {
    for (old, new) in cases {
        assert!(!breaks(&old, &new).0.is_empty(), "sent: {old} {new}");
        assert!(!breaks(&new, &old).1.is_empty(), "received: {new} {old}");
        for schema in [old, new] {
            assert_eq!(breaks(&schema, &schema), Default::default(), "{schema}");
        }
    }
}

/// Pairs of schemas for the same values.
fn alike(cases: impl IntoIterator<Item = (Value, Value)>) {
    for (old, new) in cases {
        assert_eq!(breaks(&old, &new), Default::default(), "{old} {new}");
        assert_eq!(breaks(&new, &old), Default::default(), "{new} {old}");
    }
}

#[test]
fn all_parts_of_a_schema_count() {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "number" }));
    let both = json!([text, number]);
    narrower([
        // Alternatives within a part, beside others, and twice.
        (json!({ "allOf": [{ "anyOf": both }] }), json!({ "allOf": [{ "anyOf": [text] }] })),
        (json!({ "anyOf": both }), json!({ "anyOf": both, "maxLength": 3 })),
        (json!({ "anyOf": both }), json!({ "anyOf": both, "oneOf": [text] })),
        (json!({ "anyOf": both }), json!({ "anyOf": both, "allOf": [{ "anyOf": [text] }] })),
        // The stricter one of two limits.
        (
            json!({ "allOf": [{ "maxLength": 9 }, { "maxLength": 7 }] }),
            json!({ "allOf": [{ "maxLength": 9 }, { "maxLength": 5 }] }),
        ),
        (json!({ "minimum": 2 }), json!({ "minimum": 2, "allOf": [{ "minimum": 3 }] })),
        (json!({ "enum": [1, 2] }), json!({ "enum": [1, 2], "allOf": [{ "const": 1 }] })),
        (json!({ "pattern": "a" }), json!({ "pattern": "a", "allOf": [{ "pattern": "b" }] })),
        (
            object(json!({ "a": { "maxLength": 9 } }), json!([])),
            json!({
                "allOf": [
                    object(json!({ "a": { "maxLength": 5 } }), json!([])),
                    object(json!({ "a": { "maxLength": 9 } }), json!([])),
                ],
            }),
        ),
        // What is beside a reference.
        (
            json!({ "$ref": "#/$defs/a", "$defs": { "a": text } }),
            json!({ "$ref": "#/$defs/a", "$defs": { "a": text }, "maxLength": 3 }),
        ),
        (json!({}), json!({ "allOf": [{ "$ref": "other.json" }] })),
    ]);
    alike([
        (json!({ "allOf": [{ "anyOf": both }] }), json!({ "oneOf": both, "title": "x" })),
        (json!({ "allOf": [{ "type": ["string", "null"] }, text] }), text.clone()),
        (
            json!({ "allOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "maximum": 1 } } }),
            json!({ "maximum": 1 }),
        ),
    ]);
}

#[test]
fn parts_in_circles_come_to_an_end() {
    let part = json!({ "$ref": "#/$defs/a" });
    let a = json!({
        "allOf": [part, part],
        "properties": { "left": { "allOf": [part] }, "right": { "allOf": [part] } },
    });
    let schema = json!({ "$ref": "#/$defs/a", "$defs": { "a": a } });
    assert_eq!(breaks(&schema, &schema), Default::default());
    let deep = (0..200).fold(json!({}), |inner, _| json!({ "allOf": [inner, { "minimum": 1 }] }));
    assert_eq!(breaks(&deep, &deep), Default::default());
}

#[test]
fn items_and_other_members_without_a_schema_may_be_anything() {
    let array = |items: Value| json!({ "type": "array", "items": items });
    let map = |others: Value| json!({ "type": "object", "additionalProperties": others });
    let text = json!({ "type": "string" });
    narrower([
        (json!({ "type": "array" }), array(text.clone())),
        (array(json!({})), array(text.clone())),
        (json!({ "type": "object" }), map(text.clone())),
        (map(json!(true)), map(text)),
    ]);
    alike([
        (json!({ "type": "array" }), array(json!({}))),
        (json!({ "type": "object" }), map(json!({}))),
    ]);
}

#[test]
fn listed_values_without_a_type_have_one() {
    let kind = |kind: &str| json!({ "type": kind });
    let cases = [
        (json!({ "const": "a" }), "string", "integer"),
        (json!({ "enum": [1, 2] }), "integer", "string"),
        (json!({ "enum": [1, 2] }), "number", "boolean"),
        (json!({ "const": 1.5 }), "number", "integer"),
        (json!({ "const": {} }), "object", "array"),
        (json!({ "const": null }), "null", "string"),
    ];
    for (listed, own, other) in cases {
        assert_eq!(breaks(&listed, &kind(own)).0, Vec::<String>::new(), "{listed} {own}");
        assert_eq!(breaks(&listed, &kind(other)).0.len(), 1, "{listed} {other}");
        assert_eq!(breaks(&kind(other), &listed).1.len(), 1, "{other} {listed}");
    }
}
