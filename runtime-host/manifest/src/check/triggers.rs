//! Triggers have unique ids and a supported type, and components that the host calls serve HTTP.

use std::collections::BTreeMap;

use crate::app::{App, Component, ComponentId, Handler};
use crate::check::Check;
use crate::reader::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    ids_are_unique(check);
    redis_has_a_server(check);
    called_components_serve_http(check);
}

/// Triggers with a component: its id, and the path of the trigger in the manifest.
pub(super) fn with_component(app: &App) -> impl Iterator<Item = (&ComponentId, &str)> {
    let http = app.http.iter().filter_map(|trigger| match &trigger.handler {
        Handler::Component(id) => Some((id, trigger.written_at.as_str())),
        Handler::Static(_) => None,
    });
    let redis = app.redis.iter().map(|trigger| (&trigger.component, trigger.written_at.as_str()));
    let cron = app.cron.iter().map(|trigger| (&trigger.component, trigger.written_at.as_str()));
    let command = app.command.iter();
    let command = command.map(|trigger| (&trigger.component, trigger.written_at.as_str()));
    http.chain(redis).chain(cron).chain(command)
}

fn ids_are_unique(check: &Check<'_>) {
    let http = check.app.http.iter().map(|trigger| (&trigger.id, &trigger.written_at));
    let redis = check.app.redis.iter().map(|trigger| (&trigger.id, &trigger.written_at));
    let cron = check.app.cron.iter().map(|trigger| (&trigger.id, &trigger.written_at));
    let command = check.app.command.iter().map(|trigger| (&trigger.id, &trigger.written_at));
    let mut seen: BTreeMap<&String, &String> = BTreeMap::new();
    for (id, written_at) in http.chain(redis).chain(cron).chain(command) {
        let Some(first) = seen.insert(id, written_at) else { continue };
        check.doubt(
            Problem::new(Code::DuplicateTriggerId, format!("two triggers have the id `{id}`"))
                .label(check.spans.value(&format!("{written_at}.id")), "the same id")
                .label(check.spans.value(&format!("{first}.id")), "first used here")
                .hint("give each a different id, or remove `id`"),
        );
    }
}

fn redis_has_a_server(check: &Check<'_>) {
    let without = check.app.redis.iter().filter(|trigger| trigger.address.is_none());
    for trigger in without.filter(|_| check.app.redis_address.is_none()) {
        let message = format!("missing key `{}.address`", trigger.written_at);
        let at = check.spans.value(&trigger.written_at);
        let hint = "add `address = \"redis://…\"` here or in `[application.trigger.redis]`";
        check.problems.report(Code::MissingKey, message, at, "`address` is missing", hint);
    }
}

/// Hooks, schedules and subscriptions are requests, so their components must serve HTTP here.
fn called_components_serve_http(check: &Check<'_>) {
    for component in check.app.components.values() {
        let settings = &component.settings;
        let keys = [
            (settings.on_start.is_some(), "on_start", Code::OnStart),
            (!settings.subscribe.is_empty(), "subscribe", Code::Subscription),
            (!settings.schedule.is_empty(), "schedule", Code::Schedule),
        ];
        for (_, key, code) in keys.into_iter().filter(|(is_set, ..)| *is_set) {
            serves_http(check, component, key, code);
        }
    }
}

fn serves_http(check: &Check<'_>, component: &Component, key: &str, code: Code) {
    let id = &component.id;
    let handler = Handler::Component(id.clone());
    let runs_here = !component.settings.stock_only || code == Code::OnStart;
    let (message, hint) = if component.settings.bridges.is_some() && code != Code::OnStart {
        let hint = format!("move `{key}` to the target of the bridge, or remove it");
        (format!("`{key}` has no effect: `{id}` is a bridge, which this host does not load"), hint)
    } else if !runs_here {
        let hint = format!("remove `{key}`, or `stock_only`");
        (format!("`{key}` has no effect: this host does not run `{id}`"), hint)
    } else if check.app.http.iter().any(|trigger| trigger.handler == handler) {
        return;
    } else {
        let hint = format!(
            "add `[[trigger.http]]` with `route = {{ private = true }}` and `component = \"{id}\"`, or remove `{key}`"
        );
        (format!("`{key}` has no effect: `{id}` has no HTTP trigger"), hint)
    };
    let at = check.spans.value(&check.path(component, &format!("tool.tessera.{key}")));
    check.problems.report(code, message, at, "never called", hint);
}
