//! The two documents, and what references in them lead to.

use serde_json::Value;

/// References that are followed in a row. Longer chains are taken for cycles.
const REFERENCES_MAX: usize = 32;

/// The old and the new document.
#[derive(Clone, Copy)]
pub(crate) struct Documents<'a> {
    pub(crate) old: &'a Value,
    pub(crate) new: &'a Value,
}

/// What a value is: itself, or what its `$ref` leads to; none if that is in another document.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> Option<&'a Value> {
    let mut value = value;
    for _ in 0..REFERENCES_MAX {
        let Some(reference) = reference(value) else { return Some(value) };
        value = target(document, reference)?;
    }
    None
}

/// The reference that a value is.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// What a reference leads to. A part of an API description has its components at the top, without `components`.
pub(crate) fn target<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    let of_part = || document.pointer(pointer.strip_prefix("/components")?);
    document.pointer(pointer).or_else(of_part)
}
