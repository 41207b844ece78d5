//! The history of a component.

use crate::rollouts::{Entry, Event};
use std::time::{Duration, UNIX_EPOCH};

/// One entry.
pub(super) fn line(entry: &Entry) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(entry.at_ms);
    let at = httpdate::fmt_http_date(at);
    let by = if entry.by.is_empty() { String::new() } else { format!(" by {}", entry.by) };
    let origin = match entry.origin.as_str() {
        "" => String::new(),
        origin => format!(" from {origin}"),
    };
    format!("{at}  {}  {}{origin}{by}", entry.revision, event(&entry.event))
}

/// What happened, in words.
pub(super) fn event(event: &Event) -> String {
    match event {
        Event::Deployed => "deployed".to_owned(),
        Event::Configured { changed } => format!("configured: {}", changed.join(", ")),
        Event::Refused { detail } => format!("refused: {detail}"),
        Event::Step { share_percent } => format!("gets {share_percent} % of the calls"),
        Event::Promoted => "promoted".to_owned(),
        Event::RolledBack { reason: None } => "rolled back".to_owned(),
        Event::RolledBack { reason: Some(reason) } => format!("rolled back: {reason}"),
        Event::Started => "started with the host, from the manifest".to_owned(),
    }
}
