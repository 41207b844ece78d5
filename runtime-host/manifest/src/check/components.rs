//! Every component that is referenced exists.

use crate::app::{ComponentId, Dependency, Provider};
use crate::check::{Check, triggers};
use crate::reader::join;

pub(super) fn check(check: &Check<'_>) {
    for component in check.app.components.values() {
        let profiles = component.profiles.iter().map(|(name, dependencies)| {
            (join(&format!("{}.profile", component.written_at), name), dependencies)
        });
        let own = (component.written_at.clone(), &component.dependencies);
        for (path, dependencies) in std::iter::once(own).chain(profiles) {
            for dependency in dependencies {
                provider_exists(check, &path, dependency);
            }
        }
    }
    for (id, written_at) in triggers::with_component(check.app) {
        exists(check, id, &format!("{written_at}.component"));
    }
}

fn provider_exists(check: &Check<'_>, path: &str, dependency: &Dependency) {
    if let Provider::Component { id, .. } = &dependency.provider {
        let path = join(&format!("{path}.dependencies"), &dependency.import);
        exists(check, id, &format!("{path}.component"));
    }
}

fn exists(check: &Check<'_>, id: &ComponentId, path: &str) {
    if !check.app.components.contains_key(id) {
        check.report_unknown_component(id, check.spans.value(path));
    }
}
