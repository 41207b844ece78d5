//! Links form no circle: a component that waits for one that waits for it would never
//! answer, and only a deadline would end it.

use std::collections::BTreeSet;

use crate::app::{Bridged, Component, Dependency, Provider};
use crate::check::{Check, dependency_path};
use crate::problem::{Code, Problem};

/// A component and the dependency by which it calls the next one.
type Step<'a> = (&'a Component, &'a Dependency);

pub(super) fn check(check: &Check<'_>) {
    let mut walk = Walk { check, path: Vec::new(), done: BTreeSet::new() };
    for component in check.app.components.values() {
        walk.visit(component);
    }
}

/// A depth-first search; a component that is done has no unreported circle behind it.
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

    /// The component at the other end of a live link.
    fn linked(&self, dependency: &Dependency) -> Option<&'a Component> {
        let components = &self.check.app.components;
        let Provider::Component { id, .. } = &dependency.provider else { return None };
        match &components.get(id)?.settings.bridges {
            Some(Bridged::Component(callee)) => components.get(callee),
            _ => None,
        }
    }
}

fn report(check: &Check<'_>, circle: &[Step<'_>]) {
    let mut names: Vec<_> = circle.iter().map(|(component, _)| component.id.as_str()).collect();
    names.extend(names.first().copied());
    let mut problem = Problem::new(
        Code::LinkCycle,
        format!("components wait for each other: {}", names.join(" → ")),
    );
    for (step, (component, dependency)) in circle.iter().enumerate() {
        let at = check.places.key(&dependency_path(component, &dependency.import));
        problem = problem.label(at, format!("`{}` calls `{}`", component.id, names[step + 1]));
    }
    check
        .problems
        .push(problem.hint("let one of them learn through an event what it asks for now"));
}
