//! `files` of a component.

use std::path::Path;

use crate::app::FileMount;
use crate::path;
use crate::reader::{Code, Field, Problem};

pub(super) fn read(field: &Field<'_>, folder: &Path) -> Vec<FileMount> {
    let items = field.items().unwrap_or_default();
    items.iter().filter_map(|item| mount(item, folder)).collect()
}

fn mount(field: &Field<'_>, folder: &Path) -> Option<FileMount> {
    if field.is_string() {
        return pattern(field, folder).map(FileMount::Pattern);
    }
    if !field.is_table() {
        field.wrong_type("a pattern or `{ source, destination }`");
        return None;
    }
    let mut table = field.table()?;
    let source = table.required("source", "add `source = \"assets\"`");
    let destination = table.required("destination", "add `destination = \"/\"`");
    table.finish();
    let source = source.and_then(|field| field.string());
    let destination = destination.and_then(|field| self::destination(&field));
    Some(FileMount::Placement {
        source: folder.join(source?),
        destination: destination?,
        written_at: field.path.clone(),
    })
}

/// A glob pattern for files in the manifest's directory, relative to it. Each match keeps its path,
/// so one that leads out of the directory has no place in the component: Spin copies such files
/// where the component does not find them.
fn pattern(field: &Field<'_>, folder: &Path) -> Option<String> {
    let written = field.string()?;
    if written.split('/').next_back().is_some_and(|last| matches!(last, "." | "..")) {
        let hint = "for a whole directory, write `{ source = \"…\", destination = \"/…\" }`";
        field.report(Code::BadValue, "ends in `.` or `..`", "not a pattern", hint);
        return None;
    }
    let relative = match Path::new(&written).strip_prefix(folder) {
        Ok(relative) => relative.to_str()?,
        Err(_) => written.as_str(),
    };
    if relative.starts_with('/') {
        let hint = "write a path that is relative to the manifest's directory";
        field.report(Code::BadValue, "is outside of the application's directory", "outside", hint);
        return None;
    }
    let Some(within) = path::within(relative) else {
        let hint = "for files outside of the manifest's directory, use `{ source = \"…\", destination = \"/…\" }`";
        report_lost(field, "matches keep their paths, which lead out of `/`", hint);
        return None;
    };
    if ["*", "**/*"].contains(&written.as_str()) {
        let message = format!("`{}` contains all files of the application", field.path);
        let hint = format!("name the files that the component needs, or write `./{written}`");
        let problem = Problem::new(Code::BadValue, message).warning();
        field.problems.push(problem.label(field.span(), "also its sources").hint(hint));
    }
    let ending = if written.ends_with('/') && !within.is_empty() { "/" } else { "" };
    Some(format!("{within}{ending}"))
}

fn destination(field: &Field<'_>) -> Option<String> {
    let written = field.string()?;
    let within = path::within(written.trim_start_matches('/'));
    if within.is_none() {
        report_lost(field, "it leads out of `/`", "write a path without `..`");
    }
    within.map(|_| written)
}

/// Warns of files that the component does not find.
fn report_lost(field: &Field<'_>, why: &str, hint: &str) {
    let message = format!("`{}` has no effect: {why}", field.path);
    let problem = Problem::new(Code::BadValue, message).warning();
    field.problems.push(problem.label(field.span(), "not visible").hint(hint));
}
