//! What is shown of a flag.

use super::host::FlagView;
use crate::feature_flags::Change;
use std::time::{Duration, UNIX_EPOCH};

/// Its state, in one line.
pub(super) fn line(flag: &FlagView) -> String {
    let state = if flag.is_enabled { "enabled" } else { "disabled" };
    let origin = match (flag.origin.as_str(), flag.is_in_file) {
        ("admin", true) => "set by an operator, in place of the file's",
        ("admin", false) => "set by an operator",
        _ => "from the file",
    };
    format!("{}  {state}  {}  {origin}", flag.key, flag.kind)
}

/// A change of it.
pub(super) fn change(change: &Change) -> String {
    let at = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(change.at_ms));
    let by = if change.by.is_empty() { String::new() } else { format!(" by {}", change.by) };
    format!("{at}  {}{by}", change.change.word())
}
