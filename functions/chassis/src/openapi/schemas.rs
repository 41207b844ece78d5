//! Schemas of the types of an API.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Where the OpenAPI document has its schemas.
const PATH: &str = "/components/schemas";

/// Names a product for ever.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "only described")]
pub struct Sku(#[schemars(length(min = 1, max = 64))] String);

/// RFC 3339, UTC.
#[derive(Debug, JsonSchema)]
#[schemars(extend("format" = "date-time"))]
#[expect(dead_code, reason = "only described")]
pub struct Time(String);

/// The schemas that operations refer to. A member that may be absent is required of a response and
/// not of a request, so there is one generator for each direction.
#[derive(Debug)]
pub(super) struct Schemas {
    sent: SchemaGenerator,
    received: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = PATH.into();
                settings.transforms.clear();
            })
        };
        Self {
            sent: settings().for_serialize().into_generator(),
            received: settings().for_deserialize().into_generator(),
        }
    }
}

impl Schemas {
    /// The schema of a type in responses.
    pub(super) fn sent<T: JsonSchema>(&mut self) -> Value {
        tidied(self.sent.subschema_for::<T>().to_value())
    }

    /// The schema of a type in requests.
    pub(super) fn received<T: JsonSchema>(&mut self) -> Value {
        tidied(self.received.subschema_for::<T>().to_value())
    }

    /// The members of a type as query parameters.
    pub(super) fn query<T: JsonSchema>(&mut self) -> Vec<Value> {
        let schema = tidied(T::json_schema(&mut self.received).to_value());
        let required = |name: &str| {
            let names = schema["required"].as_array();
            names.is_some_and(|names| names.iter().any(|one| one == name))
        };
        let members = schema["properties"].as_object().into_iter().flatten();
        members.map(|(name, member)| parameter(name, member, required(name))).collect()
    }

    /// All named schemas.
    ///
    /// # Errors
    /// Two different schemas have the same name.
    pub(super) fn finish(mut self) -> Result<Map<String, Value>, String> {
        let mut all = Map::new();
        for generator in [&mut self.sent, &mut self.received] {
            for (name, schema) in generator.take_definitions(false) {
                let schema = tidied(schema);
                if all.get(&name).is_some_and(|other| *other != schema) {
                    return Err(format!("two schemas have the name {name}"));
                }
                all.insert(name, schema);
            }
        }
        Ok(all)
    }
}

/// A query parameter: what describes a member describes the parameter, not its schema.
fn parameter(name: &str, member: &Value, is_required: bool) -> Value {
    let mut schema = member.clone();
    let mut parameter = json!({ "name": name, "in": "query" });
    if is_required {
        parameter["required"] = json!(true);
    }
    if let Some(members) = schema.as_object_mut() {
        if let Some(description) = members.remove("description") {
            parameter["description"] = description;
        }
        if let Some(example) = members.remove("example") {
            parameter["example"] = example;
        }
    }
    parameter["schema"] = schema;
    parameter
}

/// Makes a schema say no more than is true, in the words that OpenAPI tools know.
fn tidied(mut schema: Value) -> Value {
    tidy(&mut schema);
    schema
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            tidy_object(members);
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn tidy_object(schema: &mut Map<String, Value>) {
    // Widths of integers are a matter of the code; only `int64` is in OpenAPI's registry.
    let is_width =
        |format: &str| format.starts_with("uint") || ["int32", "double"].contains(&format);
    if schema.get("format").and_then(Value::as_str).is_some_and(is_width) {
        schema.remove("format");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = unwrapped(text);
    }
    unite_constants(schema);
    let required = schema.get("required").cloned().unwrap_or_default();
    let required: Vec<&str> =
        required.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // Members that are not required are left out instead of being null.
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties.iter_mut() {
            if !required.contains(&name.as_str()) {
                without_null(property);
            }
        }
    }
}

/// A doc comment without its line breaks, except for those between paragraphs.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// `oneOf` with a constant for each variant of an enum becomes `enum`.
fn unite_constants(schema: &mut Map<String, Value>) {
    let variants = schema.get("oneOf").and_then(Value::as_array);
    let words = |variant: &Value| match (&variant["const"], &variant["enum"]) {
        (Value::String(word), _) => Some(vec![json!(word)]),
        (_, Value::Array(words)) => Some(words.clone()),
        _ => None,
    };
    let words: Option<Vec<_>> = variants.and_then(|variants| variants.iter().map(words).collect());
    if let Some(words) = words {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), words.concat().into());
    }
}

fn without_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::Array(kinds)) = members.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            let kind = kind.clone();
            members.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(words)) = members.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(schemas)) = members.get_mut("anyOf") {
        schemas.retain(|one| one["type"] != "null");
        if let [Value::Object(only)] = &schemas[..] {
            let only = only.clone();
            members.remove("anyOf");
            members.extend(only);
        }
    }
}
