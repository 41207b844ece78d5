//! `files` of a component.

use std::path::Path;

use crate::app::FileMount;
use crate::document::Field;
use crate::path;
use crate::problem::Code;

pub(super) fn read(field: &Field<'_>, folder: &Path) -> Vec<FileMount> {
    let items = field.items().unwrap_or_default();
    items.iter().filter_map(|item| mount(item, folder)).collect()
}

fn mount(field: &Field<'_>, folder: &Path) -> Option<FileMount> {
    if field.is_text() {
        return pattern(field).map(FileMount::Pattern);
    }
    if !field.is_table() {
        field.wrong_type("a pattern or `{ source, destination }`");
        return None;
    }
    let mut table = field.table()?;
    let source = table.required("source", "add `source = \"assets\"`");
    let destination = table.required("destination", "add `destination = \"/\"`");
    table.finish();
    let source = source.and_then(|field| field.filled_text());
    let destination = destination.and_then(|field| self::destination(&field));
    Some(FileMount::Placement {
        source: path::join(folder, &source?.value),
        destination: destination?,
    })
}

/// A glob pattern below the manifest's folder.
fn pattern(field: &Field<'_>) -> Option<String> {
    let pattern = field.filled_text()?.value;
    let outside = pattern.starts_with('/') || pattern.split('/').any(|part| part == "..");
    if outside {
        let hint = "a pattern stays below the manifest's folder; use `{ source = \"…\", destination = \"/…\" }` for others";
        field.fault(Code::BadValue, "leaves the application's folder", "outside", hint);
        return None;
    }
    Some(pattern)
}

fn destination(field: &Field<'_>) -> Option<String> {
    let destination = field.filled_text()?.value;
    if !destination.starts_with('/') {
        let hint = format!("write `/{destination}`");
        field.fault(Code::BadValue, "is not an absolute path", "must start with a slash", &hint);
        return None;
    }
    Some(destination)
}
