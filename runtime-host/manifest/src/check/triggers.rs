//! Triggers have unique ids and a supported type, and called components serve HTTP.

use std::collections::BTreeMap;

use crate::app::{App, Component, ComponentId, Handler};
use crate::check::Check;
use crate::problem::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    ids_are_unique(check);
    redis_has_a_server(check);
    redis_is_for_others(check);
    what_is_called_answers(check);
}

/// Triggers that a component answers: its id, and where the trigger is written.
pub(super) fn with_component(app: &App) -> impl Iterator<Item = (&ComponentId, &str)> {
    let http = app.http.iter().filter_map(|trigger| match &trigger.handler {
        Handler::Component(id) => Some((id, trigger.written_at.as_str())),
        Handler::Static(_) => None,
    });
    let redis = app.redis.iter().map(|trigger| (&trigger.component, trigger.written_at.as_str()));
    http.chain(redis)
}

fn ids_are_unique(check: &Check<'_>) {
    let http = check.app.http.iter().map(|trigger| (&trigger.id, &trigger.written_at));
    let redis = check.app.redis.iter().map(|trigger| (&trigger.id, &trigger.written_at));
    let mut seen: BTreeMap<&String, &String> = BTreeMap::new();
    for (id, written_at) in http.chain(redis) {
        let Some(first) = seen.insert(id, written_at) else { continue };
        check.problems.push(
            Problem::new(Code::DuplicateTriggerId, format!("two triggers have the id `{id}`"))
                .label(check.places.value(&format!("{written_at}.id")), "again here")
                .label(check.places.value(&format!("{first}.id")), "first here")
                .hint("give each an id of its own, or leave `id` out"),
        );
    }
}

fn redis_has_a_server(check: &Check<'_>) {
    let without = check.app.redis.iter().filter(|trigger| trigger.address.is_none());
    for trigger in without.filter(|_| check.app.redis_address.is_none()) {
        check.problems.push(
            Problem::new(Code::MissingKey, format!("`{}` has no `address`", trigger.written_at))
                .label(check.places.value(&trigger.written_at), "which server?")
                .hint("add `address = \"redis://…\"` here or in `[application.trigger.redis]`"),
        );
    }
}

/// This host has no Redis triggers: starting the component would suggest that it had.
fn redis_is_for_others(check: &Check<'_>) {
    for trigger in &check.app.redis {
        let component = check.app.components.get(&trigger.component);
        if component.is_none_or(|component| component.settings.stock_only) {
            continue;
        }
        let message = format!("`{}` would never be called", trigger.written_at);
        let hint = format!(
            "remove it, or let only stock Spin run the component: \
             [component.{}.tool.tessera] with `stock_only = true`",
            trigger.component
        );
        check.problems.push(
            Problem::new(Code::Unsupported, message)
                .label(check.places.value(&trigger.written_at), "this host has no Redis triggers")
                .hint(hint),
        );
    }
}

/// Hooks, schedules and subscriptions are requests, so their components must serve HTTP here.
fn what_is_called_answers(check: &Check<'_>) {
    for component in check.app.components.values() {
        let settings = &component.settings;
        if settings.on_start.is_some() {
            answers(check, component, "on_start", Code::OnStart);
        }
        if !settings.subscribe.is_empty() {
            answers(check, component, "subscribe", Code::Subscription);
        }
        if !settings.schedule.is_empty() {
            answers(check, component, "schedule", Code::Schedule);
        }
    }
}

fn answers(check: &Check<'_>, component: &Component, key: &str, code: Code) {
    let id = &component.id;
    let handler = Handler::Component(id.clone());
    let runs_here = !component.settings.stock_only || code == Code::OnStart;
    let (message, hint) = if component.settings.bridges.is_some() && code != Code::OnStart {
        let hint = format!("write `{key}` where the work is done, or remove it");
        (format!("`{id}` is a bridge, which this host never loads"), hint)
    } else if !runs_here {
        let hint = format!("remove `{key}`, or `stock_only`");
        (format!("`{id}` is not run by this host"), hint)
    } else if check.app.http.iter().any(|trigger| trigger.handler == handler) {
        return;
    } else {
        let hint = format!(
            "add `[[trigger.http]]` with `route = {{ private = true }}` and `component = \"{id}\"`, or remove `{key}`"
        );
        (format!("`{id}` answers no HTTP"), hint)
    };
    let at = check.places.value(&check.path(component, &format!("tool.tessera.{key}")));
    let problem = Problem::new(code, message).label(at, "nobody would answer this");
    check.problems.push(problem.hint(hint));
}
