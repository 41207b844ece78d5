//! Warnings about what has no effect: keys that stock Spin accepts and does not use either, and
//! permissions for features that this host does not support.

use crate::app::{App, Component, Handler, HttpTrigger, Route};
use crate::reader::{Code, Problem};

/// The schemes of connections to other servers.
const SCHEMES: [&str; 11] =
    ["http", "https", "mqtt", "mqtts", "mysql", "postgres", "redis", "rediss", "ssl", "tcp", "udp"];

/// Checks the components that this host runs.
pub(crate) fn check(app: &App) -> Vec<Problem> {
    let run_here = app.components.values().filter(|component| component.runs_here());
    let components = run_here.flat_map(|component| of(app, component));
    app.http.iter().flat_map(|trigger| of_trigger(app, trigger)).chain(components).collect()
}

/// Other components of a trigger. Stock Spin accepts them, and does not use them either.
fn of_trigger(app: &App, trigger: &HttpTrigger) -> Vec<Problem> {
    let at = &trigger.written_at;
    let unused = |key: &str, why: &str| {
        let path = format!("{at}.{key}");
        let span = app.origin.spans().key(&path);
        let problem = Problem::new(Code::Unsupported, format!("`{path}` has no effect: {why}"));
        let problem = problem.warning().label(span, "never used").hint("remove it");
        app.origin.span(&path).map(|_| problem)
    };
    let is_static = matches!(trigger.handler, Handler::Static(_));
    let dependencies = match (trigger.middleware.is_empty(), is_static) {
        (true, _) => unused("dependencies", "it has no `middleware`"),
        (false, true) => unused("dependencies", "a static response has no middleware"),
        (false, false) => None,
    };
    let components = unused("components", "an HTTP trigger has one component");
    let is_private = trigger.route == Route::Private;
    let response = (is_static && is_private)
        .then(|| unused("static_response", "the route is private, and it can't be requested"));
    dependencies.into_iter().chain(components).chain(response.flatten()).collect()
}

fn of(app: &App, component: &Component) -> Vec<Problem> {
    let mut found = Vec::new();
    for (index, host) in component.allowed_outbound_hosts.iter().enumerate() {
        if let Some((scheme, _)) = host.split_once("://")
            && is_other(scheme)
        {
            let path = format!("{}.allowed_outbound_hosts[{index}]", component.written_at);
            // Others are implied by older manifests.
            if app.origin.span(&path).is_some() {
                let message = "connections of this scheme are not supported";
                found.push(no_effect(app, &path, message));
            }
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
