//! `files` of a component.

use std::path::Path;

use crate::app::FileMount;
use crate::path;
use crate::reader::{Code, Field};

pub(super) fn read(field: &Field<'_>, folder: &Path) -> Vec<FileMount> {
    let items = field.items().unwrap_or_default();
    items.iter().filter_map(|item| mount(item, folder)).collect()
}

fn mount(field: &Field<'_>, folder: &Path) -> Option<FileMount> {
    if field.is_string() {
        return pattern(field).map(FileMount::Pattern);
    }
    if !field.is_table() {
        field.wrong_type("a pattern or `{ source, destination }`");
        return None;
    }
    let mut table = field.table()?;
    let source = table.required_text("source", "add `source = \"assets\"`");
    let destination = table.required("destination", "add `destination = \"/\"`");
    table.finish();
    let destination = destination.and_then(|field| self::destination(&field));
    Some(FileMount::Placement { source: path::join(folder, &source?), destination: destination? })
}

/// A glob pattern for files below the manifest's directory.
fn pattern(field: &Field<'_>) -> Option<String> {
    let pattern = field.text()?;
    let outside = pattern.starts_with('/') || pattern.split('/').any(|part| part == "..");
    if outside {
        let hint = "for files outside of the manifest's directory, use `{ source = \"…\", destination = \"/…\" }`";
        field.report(Code::BadValue, "is outside of the application's directory", "outside", hint);
        return None;
    }
    Some(pattern)
}

fn destination(field: &Field<'_>) -> Option<String> {
    let destination = field.text()?;
    if !destination.starts_with('/') {
        let hint = format!("write `/{destination}`");
        field.report(Code::BadValue, "is not an absolute path", "must start with a slash", &hint);
        return None;
    }
    Some(destination)
}
