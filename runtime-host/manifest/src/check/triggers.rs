//! Triggers have ids of their own, a server to listen to, and what starts can be asked to.

use std::collections::BTreeMap;

use crate::app::{App, ComponentId, Handler};
use crate::check::Check;
use crate::problem::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    ids_are_unique(check);
    redis_has_a_server(check);
    on_start_has_a_trigger(check);
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

fn on_start_has_a_trigger(check: &Check<'_>) {
    for component in check.app.components.values() {
        let answers = |handler: &Handler| *handler == Handler::Component(component.id.clone());
        let has_trigger = check.app.http.iter().any(|trigger| answers(&trigger.handler));
        if component.settings.on_start.is_some() && !has_trigger {
            let path = check.path(component, "tool.tessera.on_start");
            check.problems.push(
                Problem::new(Code::OnStart, format!("`{}` answers no HTTP", component.id))
                    .label(check.places.value(&path), "nobody would answer this")
                    .hint(format!(
                        "add `[[trigger.http]]` with `route = {{ private = true }}` and `component = \"{}\"`, or remove `on_start`",
                        component.id
                    )),
            );
        }
    }
}
