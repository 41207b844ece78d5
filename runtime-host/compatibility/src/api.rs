//! Descriptions of HTTP APIs, by OpenAPI 3.1: a whole document, or the part of one function, which has
//! its operations by id and no paths.

use crate::Break;
use crate::documents::{Documents, reference, resolved};
use crate::schema::{Direction, Place, within};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The methods that a path may have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// What is said of a reference that can't be followed on both sides, and is another one on each.
const ELSEWHERE: &str = "it refers to something else, which is not in the document";

/// Compares two descriptions of an API.
pub fn compare(old: &Value, new: &Value) -> Vec<Break> {
    let documents = Documents { old, new };
    let (before, now) = (operations(old), operations(new));
    let mut breaks = Vec::new();
    if before.is_empty() {
        breaks.push(Break::new("operations", "the old document describes no operation"));
    }
    for (name, before) in &before {
        match now.get(name) {
            None => breaks.push(Break::new(name, "the operation was removed")),
            Some(now) => Operation { documents, name, old: before, new: now }.check(&mut breaks),
        }
    }
    breaks
}

/// The operations by id, or by method and path, with the parameters of their paths.
fn operations(document: &Value) -> BTreeMap<String, Value> {
    if let Some(part) = document.get("operations").and_then(Value::as_object) {
        return part.iter().map(|(id, operation)| (id.clone(), operation.clone())).collect();
    }
    let mut all = BTreeMap::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let item = resolved(document, item).unwrap_or(item);
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let mut operation = operation.clone();
            let shared = item.get("parameters").and_then(Value::as_array).cloned();
            if let Some(shared) = shared {
                let own = operation.get("parameters").and_then(Value::as_array).cloned();
                let own = own.unwrap_or_default();
                operation["parameters"] = shared.into_iter().chain(own).collect();
            }
            all.insert(format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    all
}

struct Operation<'a> {
    documents: Documents<'a>,
    name: &'a str,
    old: &'a Value,
    new: &'a Value,
}

impl Operation<'_> {
    fn check(&self, breaks: &mut Vec<Break>) {
        self.parameters(breaks);
        self.request(breaks);
        self.responses(breaks);
    }

    fn at(&self, what: &str) -> String {
        format!("{}: {what}", self.name)
    }

    fn parameters(&self, breaks: &mut Vec<Break>) {
        let before = parameters(self.documents.old, self.old);
        let now = parameters(self.documents.new, self.new);
        for (key, old) in &before {
            let at = self.at(&format!("parameter {key}"));
            let Some(new) = now.get(key) else {
                breaks.push(Break::new(at, "the parameter was removed"));
                continue;
            };
            if is_required(new) && !is_required(old) {
                breaks.push(Break::new(&at, "it is required now, and was not before"));
            }
            self.schema(old, new, &at, Direction::Sent, breaks);
        }
        for (key, new) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
            let at = self.at(&format!("parameter {key}"));
            if is_required(new) {
                breaks.push(Break::new(at, "it is new, and required"));
            } else if reference(new).is_some() {
                breaks.push(Break::new(at, ELSEWHERE));
            }
        }
    }

    fn request(&self, breaks: &mut Vec<Break>) {
        let at = self.at("request");
        match (self.old.get("requestBody"), self.new.get("requestBody")) {
            (None, Some(new)) => match resolved(self.documents.new, new) {
                Some(new) if !is_required(new) => {}
                Some(_) => breaks.push(Break::new(at, "a body is required now")),
                None => breaks.push(Break::new(at, ELSEWHERE)),
            },
            (Some(_), None) => breaks.push(Break::new(at, "a body is no longer accepted")),
            (Some(old), Some(new)) => {
                let Some((old, new)) = self.followed(old, new, &at, breaks) else { return };
                if is_required(new) && !is_required(old) {
                    breaks.push(Break::new(&at, "a body is required now"));
                }
                self.content(old, new, &at, Direction::Sent, breaks);
            }
            (None, None) => {}
        }
    }

    /// What both sides are, with their references followed. If that is not in the documents, only
    /// the names can be compared.
    fn followed<'v>(
        &'v self,
        old: &'v Value,
        new: &'v Value,
        at: &str,
        breaks: &mut Vec<Break>,
    ) -> Option<(&'v Value, &'v Value)> {
        match (resolved(self.documents.old, old), resolved(self.documents.new, new)) {
            (Some(old), Some(new)) => Some((old, new)),
            (None, None) if reference(old) == reference(new) => None,
            _ => {
                breaks.push(Break::new(at, ELSEWHERE));
                None
            }
        }
    }

    fn responses(&self, breaks: &mut Vec<Break>) {
        let (before, now) = (table(self.old, "responses"), table(self.new, "responses"));
        for (status, old) in &before {
            let at = self.at(&format!("response {status}"));
            let Some(new) = now.get(status) else {
                breaks.push(Break::new(at, "the status was removed"));
                continue;
            };
            let both = self.followed(old, new, &at, breaks);
            let Some((old, new)) = both else { continue };
            self.content(old, new, &at, Direction::Received, breaks);
            let headers = table(new, "headers");
            for name in table(old, "headers").keys().filter(|name| !headers.contains_key(*name)) {
                breaks.push(Break::new(&at, format!("the header field `{name}` was removed")));
            }
        }
    }

    fn content(
        &self,
        old: &Value,
        new: &Value,
        at: &str,
        direction: Direction,
        breaks: &mut Vec<Break>,
    ) {
        let now = table(new, "content");
        for (kind, old) in table(old, "content") {
            match now.get(&kind) {
                None => breaks.push(Break::new(at, format!("the type `{kind}` was removed"))),
                Some(new) => self.schema(&old, new, at, direction, breaks),
            }
        }
    }

    fn schema(
        &self,
        old: &Value,
        new: &Value,
        at: &str,
        direction: Direction,
        breaks: &mut Vec<Break>,
    ) {
        let everything = Value::Bool(true);
        let old = old.get("schema").unwrap_or(&everything);
        let new = new.get("schema").unwrap_or(&everything);
        within(self.documents, old, new, &Place::new(at, direction), breaks);
    }
}

/// The parameters of an operation by place and name; those of other documents by their reference.
fn parameters(document: &Value, operation: &Value) -> BTreeMap<String, Value> {
    let all = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let key = |parameter: &Value| {
        let text = |key: &str| parameter.get(key)?.as_str();
        Some(format!("`{}` ({})", text("name")?, text("in")?))
    };
    let entry = |parameter: &Value| {
        let found = resolved(document, parameter).unwrap_or(parameter);
        let key = key(found).or_else(|| Some(found.get("$ref")?.as_str()?.to_owned()))?;
        Some((key, found.clone()))
    };
    all.filter_map(entry).collect()
}

fn is_required(value: &Value) -> bool {
    value.get("required") == Some(&Value::Bool(true))
}

fn table(value: &Value, key: &str) -> Map<String, Value> {
    value.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part() -> Value {
        json!({
            "operations": {
                "addItem": {
                    "parameters": [{ "name": "limit", "in": "query", "schema": { "maximum": 9 } }],
                    "requestBody": { "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/Item" },
                    } } },
                    "responses": {
                        "200": {
                            "headers": { "ETag": {} },
                            "content": { "application/json": {
                                "schema": { "$ref": "#/components/schemas/Item" },
                            } },
                        },
                        "404": { "$ref": "#/components/responses/NotFound" },
                    },
                },
                "clear": { "responses": { "204": {} } },
            },
            "schemas": { "Item": {
                "type": "object",
                "required": ["sku"],
                "properties": { "sku": { "type": "string" }, "note": { "type": "string" } },
            } },
        })
    }

    /// The breaks if this value of the part is another one.
    fn breaks(pointer: &str, value: Value) -> Vec<String> {
        let mut new = part();
        *new.pointer_mut(pointer).unwrap() = value;
        compare(&part(), &new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_removed_is_named() {
        assert_eq!(compare(&part(), &part()), []);
        let none = Vec::<String>::new();
        assert_eq!(breaks("/operations/clear/responses", json!({ "204": {}, "409": {} })), none);
        let mut without = part();
        without["operations"].as_object_mut().unwrap().remove("clear");
        let removed: Vec<_> = compare(&part(), &without).iter().map(ToString::to_string).collect();
        assert_eq!(removed, ["clear: the operation was removed"]);
        let status = breaks("/operations/clear/responses", json!({}));
        assert_eq!(status, ["clear: response 204: the status was removed"]);
        let header = breaks("/operations/addItem/responses/200/headers", json!({}));
        assert_eq!(header, ["addItem: response 200: the header field `ETag` was removed"]);
        let kind = breaks("/operations/addItem/responses/200/content", json!({ "text/plain": {} }));
        assert_eq!(kind, ["addItem: response 200: the type `application/json` was removed"]);
    }

    #[test]
    fn a_schema_counts_in_both_directions() {
        let found = breaks("/schemas/Item/required", json!(["sku", "note"]));
        assert_eq!(found, ["addItem: request: note: it is required now, and was not before"]);
        let found = breaks("/schemas/Item/required", json!([]));
        assert_eq!(
            found,
            ["addItem: response 200: sku: it may be missing, and was always there before"]
        );
        let found = breaks("/schemas/Item/properties/sku", json!({ "type": "integer" }));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn parameters_and_bodies_may_not_become_required() {
        let limit = json!([{ "name": "limit", "in": "query", "required": true,
                             "schema": { "maximum": 5 } },
                           { "name": "page", "in": "query", "required": true }]);
        assert_eq!(
            breaks("/operations/addItem/parameters", limit),
            [
                "addItem: parameter `limit` (query): it is required now, and was not before",
                "addItem: parameter `limit` (query): `maximum` is `5` now, and was `9` before",
                "addItem: parameter `page` (query): it is new, and required",
            ]
        );
        let mut body = part()["operations"]["addItem"]["requestBody"].clone();
        body["required"] = json!(true);
        let found = breaks("/operations/addItem/requestBody", body);
        assert_eq!(found, ["addItem: request: a body is required now"]);
    }

    #[test]
    fn references_that_lead_out_of_the_document_are_compared_by_name() {
        let elsewhere = || json!({ "$ref": "other.json#/a" });
        let text = "it refers to something else, which is not in the document";
        let cases = [
            ("/operations/addItem/responses/404", elsewhere(), "addItem: response 404"),
            ("/operations/addItem/responses/200", elsewhere(), "addItem: response 200"),
            ("/operations/addItem/requestBody", elsewhere(), "addItem: request"),
            ("/operations/clear/responses/204", elsewhere(), "clear: response 204"),
        ];
        for (pointer, value, at) in cases {
            assert_eq!(breaks(pointer, value), [format!("{at}: {text}")]);
        }
        let mut new = part();
        new["operations"]["clear"]["requestBody"] = elsewhere();
        new["operations"]["clear"]["parameters"] = json!([elsewhere()]);
        let found: Vec<_> = compare(&part(), &new).iter().map(ToString::to_string).collect();
        let parameter = format!("clear: parameter other.json#/a: {text}");
        assert_eq!(found, [parameter, format!("clear: request: {text}")]);
        assert_eq!(compare(&new, &new), []);
    }

    #[test]
    fn whole_documents_have_operations_by_path() {
        let old = json!({ "paths": { "/a": {
            "parameters": [{ "name": "id", "in": "path", "schema": { "type": "string" } }],
            "get": { "responses": { "200": {} } },
        } } });
        assert_eq!(compare(&old, &old), []);
        let mut new = old.clone();
        new["paths"]["/a"]["parameters"][0]["schema"] = json!({ "type": "integer" });
        let found: Vec<_> = compare(&old, &new).iter().map(ToString::to_string).collect();
        let text = "its type is integer now, and string is no longer accepted";
        assert_eq!(found, [format!("GET /a: parameter `id` (path): {text}")]);
        let nothing = compare(&json!({}), &old);
        assert_eq!(nothing[0].reason, "the old document describes no operation");
    }
}
