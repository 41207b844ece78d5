//! Links form no cycle: components that wait for each other would only be ended by their deadline.

use std::collections::BTreeSet;

use crate::app::{Bridged, Component, Dependency, Provider};
use crate::check::{Check, dependency_path};
use crate::reader::{Code, Problem};

/// A component and the dependency by which it calls the next one.
type Step<'a> = (&'a Component, &'a Dependency);

pub(super) fn check(check: &Check<'_>) {
    let mut walk = Walk { check, path: Vec::new(), done: BTreeSet::new() };
    for component in check.app.components.values() {
        walk.visit(component);
    }
}

/// A depth-first search. No unreported cycle can be reached from a component that is done.
struct Walk<'a> {
    check: &'a Check<'a>,
    path: Vec<Step<'a>>,
    done: BTreeSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, component: &'a Component) {
        if self.done.contains(component.id.as_str()) {
            return;
        }
        if let Some(start) = self.path.iter().position(|(step, _)| step.id == component.id) {
            report(self.check, &self.path[start..]);
            return;
        }
        for dependency in &component.dependencies {
            if let Some(callee) = self.linked(dependency) {
                self.path.push((component, dependency));
                self.visit(callee);
                self.path.pop();
            }
        }
        self.done.insert(&component.id);
    }

    /// The component that a dependency is linked to.
    fn linked(&self, dependency: &Dependency) -> Option<&'a Component> {
        let components = &self.check.app.components;
        let Provider::Component { id, .. } = &dependency.provider else { return None };
        match &components.get(id)?.settings.bridges {
            Some(Bridged::Component(callee)) => components.get(callee),
            _ => None,
        }
    }
}

fn report(check: &Check<'_>, cycle: &[Step<'_>]) {
    let mut names: Vec<_> = cycle.iter().map(|(component, _)| component.id.as_str()).collect();
    names.extend(names.first().copied());
    let mut problem =
        Problem::new(Code::LinkCycle, format!("links form a cycle: {}", names.join(" → ")));
    for (step, (component, dependency)) in cycle.iter().enumerate() {
        let at = check.spans.key(&dependency_path(check.app, component, &dependency.import));
        problem = problem.label(at, format!("`{}` calls `{}`", component.id, names[step + 1]));
    }
    check.problems.push(problem.hint("replace one of the links by an event"));
}
