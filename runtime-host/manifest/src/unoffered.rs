//! Permissions for features of stock Spin that this host does not have.
//!
//! A component that imports such an interface can't be linked, so the start fails. A component that
//! only has the permission runs, so this is a warning: the permission has no effect here.

use crate::app::{App, Component};
use crate::problem::{Code, Problem};

/// The schemes of outbound requests.
const SCHEMES: [&str; 2] = ["http", "https"];

/// Checks the components that this host runs.
pub(crate) fn check(app: &App) -> Vec<Problem> {
    let runs = |component: &&Component| {
        !component.settings.stock_only && component.settings.bridges.is_none()
    };
    app.components.values().filter(runs).flat_map(|component| of(app, component)).collect()
}

fn of(app: &App, component: &Component) -> Vec<Problem> {
    let mut found = Vec::new();
    let capabilities = [
        ("sqlite_databases", "has no SQLite databases", &component.sqlite_databases),
        ("ai_models", "has no AI models", &component.ai_models),
    ];
    for (key, why, names) in capabilities {
        if !names.is_empty() {
            found.push(useless(app, &format!("{}.{key}", component.written_at), why));
        }
    }
    for (index, host) in component.allowed_outbound_hosts.iter().enumerate() {
        if let Some((scheme, _)) = host.split_once("://")
            && is_other(scheme)
        {
            let path = format!("{}.allowed_outbound_hosts[{index}]", component.written_at);
            found.push(useless(app, &path, "connects by HTTP only"));
        }
    }
    found
}

/// Whether it is certainly another scheme: the values of variables are unknown here.
fn is_other(scheme: &str) -> bool {
    let known = SCHEMES.iter().any(|known| scheme.trim().eq_ignore_ascii_case(known));
    !known && scheme.trim() != "*" && !scheme.contains("{{")
}

fn useless(app: &App, path: &str, why: &str) -> Problem {
    Problem::new(Code::Unsupported, format!("`{path}` does nothing here: this host {why}"))
        .warning()
        .label(app.origin.places().value(path), "only on stock Spin")
        .hint("remove it if the component does not need it; one that does can't run on this host")
}
