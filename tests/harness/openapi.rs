//! Checks of OpenAPI documents.

use jsonschema::{ValidationError, draft202012};
use serde_json::Value;

/// What objects of OpenAPI 3.1 may and must have.
const STRUCTURE: &str = include_str!("openapi-3.1-structure.json");

/// What keeps a document from being one of OpenAPI 3.1.
pub fn structure_faults(document: &Value) -> Vec<String> {
    let structure = serde_json::from_str(STRUCTURE).expect("the structure");
    faults(&structure, document)
}

/// What keeps a schema from being a JSON Schema.
pub fn schema_faults(schema: &Value) -> Vec<String> {
    match draft202012::meta::validate(schema) {
        Ok(()) => Vec::new(),
        Err(fault) => vec![shown(&fault)],
    }
}

/// What a schema objects to in a value.
pub fn faults(schema: &Value, instance: &Value) -> Vec<String> {
    let validator = draft202012::new(schema).expect("a schema");
    validator.iter_errors(instance).map(|fault| shown(&fault)).collect()
}

fn shown(fault: &ValidationError<'_>) -> String {
    format!("{}: {fault}", fault.instance_path())
}
