//! Warnings about features of stock Spin that this host does not support.
//!
//! A component that imports the interface of such a feature can't be linked, so the start fails. A
//! component that only has the permission runs, so this is a warning: the permission has no effect.

use crate::app::{App, Component};
use crate::reader::{Code, Problem};

/// The schemes of outbound requests.
const SCHEMES: [&str; 2] = ["http", "https"];

/// Checks the components that this host runs.
pub(crate) fn check(app: &App) -> Vec<Problem> {
    let run_here = app.components.values().filter(|component| component.runs_here());
    run_here.flat_map(|component| of(app, component)).collect()
}

fn of(app: &App, component: &Component) -> Vec<Problem> {
    let mut found = Vec::new();
    let features = [
        ("ai_models", "AI models are", !component.ai_models.is_empty()),
        ("profile", "build profiles are", !component.profiles.is_empty()),
    ];
    for (key, feature, used) in features {
        if used {
            let path = format!("{}.{key}", component.written_at);
            found.push(no_effect(app, &path, &format!("{feature} not supported yet")));
        }
    }
    for (index, host) in component.allowed_outbound_hosts.iter().enumerate() {
        if let Some((scheme, _)) = host.split_once("://")
            && is_other(scheme)
        {
            let path = format!("{}.allowed_outbound_hosts[{index}]", component.written_at);
            found.push(no_effect(app, &path, "only HTTP connections are supported so far"));
        }
    }
    found
}

/// Whether it is certainly another scheme: the values of variables are unknown here.
fn is_other(scheme: &str) -> bool {
    let known = SCHEMES.iter().any(|known| scheme.trim().eq_ignore_ascii_case(known));
    !known && scheme.trim() != "*" && !scheme.contains("{{")
}

fn no_effect(app: &App, path: &str, why: &str) -> Problem {
    Problem::new(Code::Unsupported, format!("`{path}` has no effect: {why}"))
        .warning()
        .label(app.origin.spans().value(path), "only on stock Spin")
        .hint("remove it if the component does not need it; a component that does can't run on this host")
}
