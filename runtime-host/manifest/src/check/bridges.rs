//! The target of a bridge exists: a component that this host runs, or the host. The host never
//! loads a bridge, so a bridge has no triggers.

use crate::app::{Bridged, Component};
use crate::check::{Check, triggers};
use crate::parse::HOST;
use crate::reader::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    for bridge in check.app.components.values() {
        match &bridge.settings.bridges {
            Some(Bridged::Component(target)) => target_runs_here(check, bridge, target),
            Some(Bridged::Host) => host_is_not_a_component(check, bridge),
            None => continue,
        }
        has_no_trigger(check, bridge);
    }
}

fn target_runs_here(check: &Check<'_>, bridge: &Component, id: &str) {
    let at = check.spans.value(&check.path(bridge, "tool.tessera.bridges"));
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
            "name the component that implements the interface",
        );
    } else if target.settings.bridges.is_some() {
        let message = format!("`{}` is a bridge to the bridge `{id}`", bridge.id);
        report(message, "also a bridge", "name the target of that bridge");
    } else if target.settings.stock_only {
        let message =
            format!("`{}` is a bridge to `{id}`, which this host does not run", bridge.id);
        report(
            message,
            "`stock_only`",
            "write `bridges = \"host\"` if the host implements the interface, or remove `stock_only`",
        );
    }
}

fn host_is_not_a_component(check: &Check<'_>, bridge: &Component) {
    let Some(target) = check.app.components.get(HOST) else { return };
    check.problems.push(
        Problem::new(
            Code::BadBridge,
            format!(
                "`{HOST}` is ambiguous: it means the host, and there is a component of this name"
            ),
        )
        .label(check.spans.value(&check.path(bridge, "tool.tessera.bridges")), "ambiguous")
        .label(check.name_of(target), "a component of this name")
        .hint("rename the component"),
    );
}

fn has_no_trigger(check: &Check<'_>, bridge: &Component) {
    for (id, written_at) in triggers::with_component(check.app) {
        if *id == bridge.id {
            let message = format!("the bridge `{id}` has a trigger");
            let at = check.spans.value(&format!("{written_at}.component"));
            let hint =
                "use the target of the bridge in the trigger, or remove `tool.tessera.bridges`";
            check.problems.report(Code::BadBridge, message, at, "not loaded by this host", hint);
        }
    }
}
