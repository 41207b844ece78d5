//! Every component that is referenced exists.

use crate::app::{ComponentId, Provider};
use crate::check::{Check, dependency_path, triggers};

pub(super) fn check(check: &Check<'_>) {
    for component in check.app.components.values() {
        for dependency in &component.dependencies {
            let path = dependency_path(check.app, component, &dependency.import);
            provider_exists(check, &path, &dependency.provider);
        }
    }
    for (id, written_at) in triggers::with_component(check.app) {
        exists(check, id, &format!("{written_at}.component"));
    }
    for middleware in check.app.http.iter().flat_map(|trigger| &trigger.middleware) {
        provider_exists(check, &middleware.written_at, &middleware.provider);
    }
}

/// `path` is that of the dependency.
fn provider_exists(check: &Check<'_>, path: &str, provider: &Provider) {
    if let Provider::Component { id, .. } = provider {
        exists(check, id, &format!("{path}.component"));
    }
}

fn exists(check: &Check<'_>, id: &ComponentId, path: &str) {
    if !check.app.components.contains_key(id) {
        check.report_unknown_component(id, check.spans.value(path));
    }
}
