//! `schedule`: paths that the host posts to again and again.

use crate::app::Schedule;
use crate::document::Field;
use crate::parse::tool::{path, within};
use crate::problem::Code;

/// Most entries of one component.
const ENTRIES_MAX: usize = 64;

pub(super) fn read(field: &Field<'_>) -> Vec<Schedule> {
    let items = field.items().unwrap_or_default();
    if items.len() > ENTRIES_MAX {
        let message = format!("has more than {ENTRIES_MAX} entries");
        field.fault(Code::Schedule, &message, "too many", "do several things in one run");
        return vec![];
    }
    let mut schedules: Vec<Schedule> = vec![];
    for item in &items {
        let Some(schedule) = entry(item) else { continue };
        if schedules.iter().any(|earlier| earlier.path == schedule.path) {
            let message = format!("runs `{}` a second time", schedule.path);
            item.fault(Code::DuplicateEntry, &message, "again", "remove one of the two");
        }
        schedules.push(schedule);
    }
    schedules
}

fn entry(field: &Field<'_>) -> Option<Schedule> {
    let mut table = field.table()?;
    let path = table.required("path", "add `path = \"/…\"`");
    let path = path.and_then(|field| self::path(&field, Code::Schedule));
    let every_ms = table.required("every_ms", "add `every_ms = 5_000`");
    // Every 10 ms to once a year.
    let every_ms = every_ms.and_then(|field| within(&field, 10..=31_622_400_000, ""));
    table.finish();
    Some(Schedule { path: path?, every_ms: every_ms? })
}
