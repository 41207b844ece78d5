//! `schedule`: paths to which the host sends a `POST` periodically.

use crate::app::Schedule;
use crate::keys::component::ENTRIES_MAX;
use crate::keys::schedule::{EVERY_MS, PATH};
use crate::parse::tool::{number_in_range, path};
use crate::reader::{Code, Field};

pub(super) fn read(field: &Field<'_>) -> Vec<Schedule> {
    let items = field.items().unwrap_or_default();
    if items.len() > ENTRIES_MAX {
        let message = format!("has more than {ENTRIES_MAX} entries");
        field.report(Code::Schedule, &message, "too many", "do several things in one run");
        return vec![];
    }
    let mut schedules: Vec<Schedule> = vec![];
    for item in &items {
        let Some(schedule) = entry(item) else { continue };
        if schedules.iter().any(|earlier| earlier.path == schedule.path) {
            let message = format!("is a second entry for the path `{}`", schedule.path);
            item.report(Code::DuplicateEntry, &message, "duplicate", "remove one of the two");
        }
        schedules.push(schedule);
    }
    schedules
}

fn entry(field: &Field<'_>) -> Option<Schedule> {
    let mut table = field.table()?;
    let path = table.required(PATH.name, "add `path = \"/…\"`");
    let path = path.and_then(|field| self::path(&field, Code::Schedule));
    let every_ms = table.required(EVERY_MS.name, "add `every_ms = 5_000`");
    let every_ms = every_ms.and_then(|field| number_in_range(&field, &EVERY_MS));
    table.finish();
    Some(Schedule { path: path?, every_ms: every_ms? })
}
