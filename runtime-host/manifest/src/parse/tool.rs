//! Our own tables: `[application.tool.tessera]` and `[component.<id>.tool.tessera]`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::app::{AppSettings, Bridged, ComponentSettings, EventSettings, Limits, SecretDefaults};
use crate::document::{Field, Table};
use crate::parse::{schedule, subscribe};
use crate::problem::{Code, Problem};
use crate::routes::RoutePattern;

/// The word that stands for the platform in `bridges`.
pub(crate) const HOST: &str = "host";

/// Most entries of `route_labels`.
const ROUTE_LABELS_MAX: usize = 512;

/// The value of `secret_defaults`.
const LOOPBACK_ONLY: &str = "loopback-only";

/// `tool.tessera`; the tables of other tools are none of our business.
pub(super) fn tessera<'a>(tool: &Field<'a>) -> Option<Table<'a>> {
    let mut ours = None;
    for (key, field) in tool.entries() {
        let table = field.table();
        if key.name == "tessera" {
            ours = table;
        }
    }
    ours
}

pub(super) fn application(mut table: Table<'_>) -> AppSettings {
    let limits = table.optional("limits").map(|field| limits(&field)).unwrap_or_default();
    let events = table.optional("events").map(|field| events(&field)).unwrap_or_default();
    let secret_defaults = table.optional("secret_defaults").and_then(|field| secrets(&field));
    let generated = table.optional("generated_secrets").map(|field| field.texts());
    let base_url = table.optional("base_url").and_then(|field| field.filled_text());
    table.finish();
    AppSettings {
        limits,
        events,
        secret_defaults: secret_defaults.unwrap_or_default(),
        generated_secrets: generated
            .unwrap_or_default()
            .into_iter()
            .map(|name| name.value)
            .collect(),
        base_url: base_url.map(|name| name.value),
    }
}

fn secrets(field: &Field<'_>) -> Option<SecretDefaults> {
    match field.filled_text()?.value.as_str() {
        LOOPBACK_ONLY => Some(SecretDefaults::LoopbackOnly),
        _ => {
            let hint = format!("write `{LOOPBACK_ONLY}`, or leave it out for a warning only");
            field.fault(Code::BadValue, "is not a rule for secrets", "not known", &hint);
            None
        }
    }
}

/// `id` is the component's.
pub(super) fn component(mut table: Table<'_>, id: &str) -> ComponentSettings {
    let bridges = table.optional("bridges").and_then(|field| field.filled_text());
    let stock_only = table.optional("stock_only").and_then(|field| field.boolean());
    let on_start = table.optional("on_start").and_then(|field| path(&field, Code::OnStart));
    let subscribe = table.optional("subscribe").map(|field| subscribe::read(&field, id));
    let schedule = table.optional("schedule").map(|field| schedule::read(&field));
    let labels = table.optional("route_labels").map(|field| route_labels(&field));
    let limits = table.optional("limits").map(|field| limits(&field)).unwrap_or_default();
    table.finish();
    let bridges = bridges.map(|target| match target.value.as_str() {
        HOST => Bridged::Host,
        id => Bridged::Component(id.to_owned()),
    });
    ComponentSettings {
        bridges,
        stock_only: stock_only.unwrap_or(false),
        on_start,
        subscribe: subscribe.unwrap_or_default(),
        schedule: schedule.unwrap_or_default(),
        route_labels: labels.unwrap_or_default(),
        limits,
    }
}

/// Each a route of its own.
fn route_labels(field: &Field<'_>) -> Vec<String> {
    let items = field.items().unwrap_or_default();
    if let Some(first_over) = items.get(ROUTE_LABELS_MAX) {
        let message = format!("`{}` has more than {ROUTE_LABELS_MAX} entries", field.path);
        let problem =
            Problem::new(Code::BadValue, message).label(first_over.span(), "one too many");
        let hint = "each is a series of metrics: leave out routes that need no label of their own";
        field.problems.push(problem.hint(hint));
        return Vec::new();
    }
    let mut shapes = BTreeSet::new();
    let mut labels = Vec::new();
    for item in items {
        let Some(text) = item.filled_text() else { continue };
        match RoutePattern::parse("", &text.value) {
            Err(error) => {
                let message = format!("is not a route: {}", error.message);
                item.fault(Code::BadRoute, &message, "not a route", &error.hint);
            }
            Ok(pattern) if shapes.insert(pattern.shape()) => labels.push(pattern.to_string()),
            Ok(_) => item.fault(
                Code::DuplicateEntry,
                "is there already",
                "the same requests",
                "remove one of the two",
            ),
        }
    }
    labels
}

/// A path of the component itself.
pub(super) fn path(field: &Field<'_>, code: Code) -> Option<String> {
    let path = field.filled_text()?.value;
    if !path.starts_with('/') {
        let hint = format!("write `/{path}`");
        field.fault(code, "is not a path", "must start with a slash", &hint);
        return None;
    }
    Some(path)
}

/// From an hour, below which an event could be gone before somebody looks for it, and from a size
/// that a few publications of the largest events do not fill.
fn events(field: &Field<'_>) -> EventSettings {
    let Some(mut table) = field.table() else { return EventSettings::default() };
    let events = EventSettings {
        retention_hours: limit(&mut table, "retention_hours", 1..=87_600),
        retention_max_mib: limit(&mut table, "retention_max_mib", 64..=1_048_576),
    };
    table.finish();
    events
}

/// Each limit with the range in which it makes sense. The lower ends keep a guest able to
/// run at all; the upper ends are where a typo is more likely than an intention.
fn limits(field: &Field<'_>) -> Limits {
    let Some(mut table) = field.table() else { return Limits::default() };
    let limits = Limits {
        memory_max_mib: limit(&mut table, "memory_max_mib", 1..=4096),
        cpu_time_max_ms: limit(&mut table, "cpu_time_max_ms", 1..=3_600_000),
        concurrency_max: limit(&mut table, "concurrency_max", 1..=100_000),
        // None may wait: who finds no place is turned away at once.
        queue_length_max: limit(&mut table, "queue_length_max", 0..=1_000_000),
        streams_max: limit(&mut table, "streams_max", 1..=100_000),
        streams_per_client_max: limit(&mut table, "streams_per_client_max", 1..=100_000),
        call_depth_max: limit(&mut table, "call_depth_max", 1..=64),
        body_max_kib: limit(&mut table, "body_max_kib", 1..=4_194_304),
        deadline_ms: limit(&mut table, "deadline_ms", 1..=3_600_000),
        stream_deadline_ms: limit(&mut table, "stream_deadline_ms", 1..=86_400_000),
        instance_reuse_max: limit(&mut table, "instance_reuse_max", 1..=1_000_000),
        log_max_kib: limit(&mut table, "log_max_kib", 1..=1_048_576),
    };
    table.finish();
    limits
}

/// A number that may be left out.
pub(super) fn limit(
    table: &mut Table<'_>,
    name: &'static str,
    range: RangeInclusive<u64>,
) -> Option<u64> {
    within(&table.optional(name)?, range, ", or leave it out for the default")
}

/// A number of this range. `instead` says what else could be done than to write one.
pub(super) fn within(field: &Field<'_>, range: RangeInclusive<u64>, instead: &str) -> Option<u64> {
    let number = field.integer()?;
    let limit = u64::try_from(number).ok().filter(|number| range.contains(number));
    if limit.is_none() {
        let (least, most) = (range.start(), range.end());
        let hint = format!("write {least} to {most}{instead}");
        field.fault(Code::LimitRange, &format!("must be {least} to {most}"), "out of range", &hint);
    }
    limit
}
