//! A bridge leads somewhere: to a component that this host runs, or to the host itself. The
//! host never loads a bridge, so nothing may wait for one to answer.

use crate::app::{Bridged, Component};
use crate::check::{Check, triggers};
use crate::parse::HOST;
use crate::problem::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    for bridge in check.app.components.values() {
        match &bridge.settings.bridges {
            Some(Bridged::Component(target)) => leads_somewhere(check, bridge, target),
            Some(Bridged::Host) => host_is_not_a_component(check, bridge),
            None => continue,
        }
        has_no_trigger(check, bridge);
    }
}

fn leads_somewhere(check: &Check<'_>, bridge: &Component, id: &str) {
    let at = check.places.value(&check.path(bridge, "tool.tessera.bridges"));
    let Some(target) = check.app.components.get(id) else {
        check.report_unknown_component(id, at);
        return;
    };
    let report = |message: String, label: &str, hint: &str| {
        let problem = Problem::new(Code::BadBridge, message).label(at.clone(), label);
        let problem = match label {
            "itself" => problem,
            _ => problem.label(check.name_of(target), format!("`{id}`")),
        };
        check.problems.push(problem.hint(hint));
    };
    if target.id == bridge.id {
        report(
            format!("`{id}` is a bridge to itself"),
            "itself",
            "name the component that does the work",
        );
    } else if target.settings.bridges.is_some() {
        let message = format!("`{}` is a bridge to the bridge `{id}`", bridge.id);
        report(message, "a bridge too", "name the component at the other end of that bridge");
    } else if target.settings.stock_only {
        let message =
            format!("`{}` is a bridge to `{id}`, which this host does not run", bridge.id);
        report(
            message,
            "`stock_only`",
            "write `bridges = \"host\"` if the host offers the interface, or remove `stock_only` there",
        );
    }
}

fn host_is_not_a_component(check: &Check<'_>, bridge: &Component) {
    let Some(target) = check.app.components.get(HOST) else { return };
    check.problems.push(
        Problem::new(
            Code::BadBridge,
            format!("`{HOST}` means the platform, and is also a component"),
        )
        .label(check.places.value(&check.path(bridge, "tool.tessera.bridges")), "which of the two?")
        .label(check.name_of(target), "a component of that name")
        .hint("rename the component"),
    );
}

fn has_no_trigger(check: &Check<'_>, bridge: &Component) {
    for (id, written_at) in triggers::with_component(check.app) {
        if *id == bridge.id {
            check.problems.push(
                Problem::new(Code::BadBridge, format!("the bridge `{id}` has a trigger"))
                    .label(check.places.value(&format!("{written_at}.component")), "never loaded by this host")
                    .hint("let the component at the other end answer, or remove `tool.tessera.bridges`"),
            );
        }
    }
}
