#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "the types are only described")]
use super::*;
use crate::ProblemType;
use crate::money::Money;
use crate::page::Page;
use serde::Serialize;

/// A thing
/// of two lines.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Thing")]
struct View {
    #[schemars(with = "Sku")]
    sku: String,
    /// Null while it is not known.
    price: Option<Money>,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum State {
    /// It waits.
    Waiting,
    Done,
}

#[derive(JsonSchema)]
#[schemars(inline, deny_unknown_fields)]
struct Change {
    quantity: u32,
    note: Option<String>,
}

#[derive(JsonSchema)]
struct Question {
    /// How many.
    #[schemars(range(max = 9), extend("example" = 1))]
    limit: Option<u32>,
}

fn part() -> Value {
    let mut api = Api::new("things");
    api.operation("changeThing", "Change a thing", "Changes it.")
        .body::<Change>(&json!({"quantity": 1}))
        .ok::<View>("The thing.", &Value::Null)
        .headers(["ETag"])
        .problem("It is busy.", &Problem::new(ProblemType::Conflict).detail("Wait."))
        .problems([404]);
    api.operation("listThings", "List things", "All of them.")
        .query::<Question>()
        .ok::<Page<View>>("A page.", &Value::Null);
    api.part().unwrap()
}

#[test]
fn operations_have_what_was_declared() {
    let part = part();
    let change = &part["operations"]["changeThing"];
    assert_eq!(change["tags"], json!(["things"]));
    let ok = json!({
        "description": "The thing.",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
    });
    assert_eq!(change["responses"]["200"], ok);
    assert_eq!(change["responses"]["404"], json!({"$ref": "#/components/responses/NotFound"}));
    let content = &change["responses"]["409"]["content"]["application/problem+json"];
    assert_eq!(content["examples"]["example"]["value"]["type"], "/problems/conflict");
    let limit = json!({
        "name": "limit",
        "in": "query",
        "description": "How many.",
        "example": 1,
        "schema": {"type": "integer", "minimum": 0, "maximum": 9},
    });
    assert_eq!(part["operations"]["listThings"]["parameters"], json!([limit]));
}

#[test]
fn members_of_responses_are_null_or_left_out() {
    let thing = &part()["schemas"]["Thing"];
    let money = json!({"$ref": "#/components/schemas/Money"});
    assert_eq!(thing["description"], "A thing of two lines.");
    assert_eq!(thing["required"], json!(["sku", "price", "state"]));
    assert_eq!(thing["properties"]["sku"], json!({"$ref": "#/components/schemas/Sku"}));
    assert_eq!(thing["properties"]["price"]["anyOf"], json!([money, {"type": "null"}]));
    assert_eq!(thing["properties"]["state"]["enum"], json!(["done", "waiting"]));
    assert_eq!(thing["properties"]["refund"], money);
    assert_eq!(thing["properties"]["note"], json!({"type": "string"}));
}

#[test]
fn requests_may_leave_out_what_is_optional() {
    let part = part();
    let body = &part["operations"]["changeThing"]["requestBody"]["content"]["application/json"];
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["quantity"],
        "properties": {
            "quantity": {"type": "integer", "minimum": 0},
            "note": {"type": "string"},
        },
    });
    assert_eq!(body["schema"], schema);
}

#[test]
fn only_one_part_defines_what_all_share() {
    let names = |part: &Value| {
        let names = part["schemas"].as_object().into_iter().flatten();
        names.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&part()), ["Thing", "ThingPage"]);
    let mut api = Api::new("platform");
    api.shared::<Money>();
    assert_eq!(names(&api.part().unwrap()), ["Money"]);
}

#[test]
fn two_types_of_one_name_are_an_error() {
    let mut api = Api::new("things");
    #[derive(JsonSchema)]
    struct Thing {
        note: Option<String>,
    }
    api.operation("changeThing", "Change a thing", "Changes it.")
        .body::<Thing>(&Value::Null)
        .ok::<Thing>("The thing.", &Value::Null);
    assert_eq!(api.part().unwrap_err(), "two schemas have the name Thing");
}

#[test]
fn each_operation_and_each_schema_is_a_line() {
    let text = text(&part());
    assert_eq!(text.lines().count(), 10, "{text}");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), part());
}
