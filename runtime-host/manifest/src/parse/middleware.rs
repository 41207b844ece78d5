//! `dependencies` of an HTTP trigger: its middleware.

use std::path::Path;

use crate::app::{Inherit, Middleware, Provider};
use crate::parse::{dependencies, source};
use crate::reader::Field;

/// The only role of dependencies that the HTTP trigger has.
const ROLE: &str = "middleware";

/// Reads `dependencies`. Other roles are refused beside `middleware`, and otherwise have no effect,
/// as in Spin.
pub(super) fn read(field: &Field<'_>, folder: &Path) -> Vec<Middleware> {
    let Some(mut table) = field.table() else { return Vec::new() };
    let Some(entries) = table.optional(ROLE) else { return Vec::new() };
    table.finish();
    let entries = entries.items().unwrap_or_default();
    entries.iter().filter_map(|entry| middleware(entry, folder)).collect()
}

fn middleware(field: &Field<'_>, folder: &Path) -> Option<Middleware> {
    if !field.is_table() {
        field.wrong_type("a table, for example `{ component = \"…\" }`");
        return None;
    }
    let mut table = field.table()?;
    let provider = match dependencies::origin(&table)? {
        "component" => table.text("component").map(|id| Provider::Component { id, export: None }),
        origin => {
            let source = match origin {
                "path" => table.optional("path").and_then(|field| source::local(&field, folder)),
                "url" => source::remote(&mut table),
                _ => source::registry(&mut table, dependencies::requirement),
            };
            source.map(|source| Provider::Source { source, export: None })
        }
    };
    let inherit = dependencies::inherit(&mut table).unwrap_or(Inherit::Nothing);
    table.finish();
    Some(Middleware { provider: provider?, inherit, written_at: field.path.clone() })
}
