//! The Tessera-specific tables: `[application.tool.tessera]` and `[component.<id>.tool.tessera]`.

use std::collections::BTreeSet;

use crate::app::{AppSettings, Bridged, ComponentSettings, EventSettings, SecretDefaults};
use crate::keys::component::ROUTE_LABELS_MAX;
use crate::keys::limits::Limits;
use crate::keys::{Number, application, component, events};
use crate::parse::{calls, policies, schedule, subscribe};
use crate::reader::{Code, Field, Table};
use crate::routes::RoutePattern;

/// The word for the host in `bridges`.
pub(crate) const HOST: &str = "host";

/// The value of `secret_defaults`.
const LOOPBACK_ONLY: &str = "loopback-only";

/// The table `tool.tessera`. Tables of other tools are ignored.
pub(super) fn tessera<'a>(tool: &Field<'a>) -> Option<Table<'a>> {
    let mut tessera = None;
    for (key, field) in tool.entries() {
        let table = field.table();
        if key.name == "tessera" {
            tessera = table;
        }
    }
    tessera
}

pub(super) fn application(mut table: Table<'_>) -> AppSettings {
    use application::{
        BASE_URL, EVENTS, FLAGS, GENERATED_SECRETS, LIMITS, POLICIES, SECRET_DEFAULTS,
    };
    let limits = table.optional(LIMITS.name).map(|field| limits(&field));
    let policies = table.optional(POLICIES.name).map(|field| policies::read(&field));
    let events = table.optional(EVENTS.name).map(|field| events(&field));
    let secret_defaults = table.optional(SECRET_DEFAULTS.name).and_then(|field| secrets(&field));
    let generated_secrets = table.optional(GENERATED_SECRETS.name).map(|field| field.texts());
    let base_url = table.text(BASE_URL.name);
    let flags = table.text(FLAGS.name);
    table.finish();
    AppSettings {
        declared: true,
        limits: limits.unwrap_or_default(),
        policies: policies.unwrap_or_default(),
        events: events.unwrap_or_default(),
        secret_defaults: secret_defaults.unwrap_or_default(),
        generated_secrets: generated_secrets.unwrap_or_default(),
        base_url,
        flags,
    }
}

fn secrets(field: &Field<'_>) -> Option<SecretDefaults> {
    field.one_of(&[(LOOPBACK_ONLY, SecretDefaults::LoopbackOnly)])
}

/// `id` is the component's.
pub(super) fn component(mut table: Table<'_>, id: &str) -> ComponentSettings {
    use component::{
        BRIDGES, CALLS, IDEMPOTENT, INBOUND, LIMITS, ON_START, ROUTE_LABELS, SCHEDULE, STOCK_ONLY,
        SUBSCRIBE,
    };
    let bridges = table.text(BRIDGES.name);
    let stock_only = table.boolean(STOCK_ONLY.name);
    let on_start = table.optional(ON_START.name).and_then(|field| path(&field, Code::OnStart));
    let subscribe = table.optional(SUBSCRIBE.name).map(|field| subscribe::read(&field, id));
    let schedule = table.optional(SCHEDULE.name).map(|field| schedule::read(&field));
    let labels = table.optional(ROUTE_LABELS.name).map(|field| route_labels(&field));
    let calls = table.optional(CALLS.name).map(|field| calls::read(&field));
    let idempotent = table.optional(IDEMPOTENT.name).map(|field| calls::idempotent(&field));
    let inbound = table.text(INBOUND.name);
    let limits = table.optional(LIMITS.name).map(|field| limits(&field));
    table.finish();
    let bridges = bridges.map(|target| match target.as_str() {
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
        calls: calls.unwrap_or_default(),
        idempotent: idempotent.unwrap_or_default(),
        inbound,
        limits: limits.unwrap_or_default(),
    }
}

/// Routes, each different from the others.
fn route_labels(field: &Field<'_>) -> Vec<String> {
    let items = field.items().unwrap_or_default();
    if let Some(first_over) = items.get(ROUTE_LABELS_MAX) {
        let message = format!("`{}` has more than {ROUTE_LABELS_MAX} entries", field.path);
        let hint = "each label is a time series of the metrics: remove routes that need no label";
        let span = first_over.span();
        field.problems.report(Code::BadValue, message, span, "one too many", hint);
        return Vec::new();
    }
    let mut shapes = BTreeSet::new();
    let mut labels = Vec::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        match RoutePattern::parse("", &text) {
            Err(error) => {
                item.report_invalid(Code::BadRoute, "a route", &error.message, &error.hint);
            }
            Ok(pattern) if shapes.insert(pattern.shape()) => labels.push(pattern.to_string()),
            Ok(_) => item.report(
                Code::DuplicateEntry,
                "is a duplicate",
                "the same requests",
                "remove one of the two",
            ),
        }
    }
    labels
}

/// A path of the component.
pub(super) fn path(field: &Field<'_>, code: Code) -> Option<String> {
    let path = field.text()?;
    if !path.starts_with('/') {
        let hint = format!("write `/{path}`");
        field.report(code, "is not a path", "must start with a slash", &hint);
        return None;
    }
    Some(path)
}

fn events(field: &Field<'_>) -> EventSettings {
    let Some(mut table) = field.table() else { return EventSettings::default() };
    let events = EventSettings {
        retention_hours: number(&mut table, &events::RETENTION_HOURS),
        retention_max_mib: number(&mut table, &events::RETENTION_MAX_MIB),
    };
    table.finish();
    events
}

fn limits(field: &Field<'_>) -> Limits {
    let Some(mut table) = field.table() else { return Limits::default() };
    let limits = Limits::read(|limit| number(&mut table, limit));
    table.finish();
    limits
}

/// An optional number in the range of its key.
pub(super) fn number(table: &mut Table<'_>, key: &Number) -> Option<u64> {
    number_in_range(&table.optional(key.name)?, key)
}

/// A number in the range of its key.
pub(super) fn number_in_range(field: &Field<'_>, key: &Number) -> Option<u64> {
    let number = u64::try_from(field.integer()?).ok().filter(|number| key.range.contains(number));
    if number.is_none() {
        let range = format!("{} to {}", key.range.start(), key.range.end());
        let default = match key.default {
            Some(default) => format!(", or remove it for the default of {default}"),
            None => String::new(),
        };
        let hint = format!("write {range}{default}");
        field.report(Code::LimitRange, &format!("must be {range}"), "out of range", &hint);
    }
    number
}
