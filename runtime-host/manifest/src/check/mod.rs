//! Rules across tables: one file per rule, each a function over the whole application.
//!
//! They run on everything that could be read, also if some tables had faults, so that one
//! run reports all. A rule says nothing about what another rule or a reader has reported.

mod bridges;
mod components;
mod cycles;
mod dependencies;
mod groups;
mod hosts;
mod routes;
mod settings;
mod stores;
mod templates;
mod triggers;

use crate::COMPONENTS_MAX;
use crate::app::{App, Component};
use crate::names::nearest;
use crate::problem::{Code, Problem, Problems, Span};
use crate::tree::{Places, join};

/// What a rule looks at and where it puts its findings.
pub(crate) struct Check<'a> {
    app: &'a App,
    places: &'a Places,
    problems: &'a Problems,
}

/// Applies all rules.
pub(crate) fn all(app: &App, problems: &Problems) {
    if app.components.len() > COMPONENTS_MAX {
        let message = format!("the application has more than {COMPONENTS_MAX} components");
        let problem = Problem::new(Code::BadValue, message).hint("split it into several");
        problems.push(problem.label(app.origin.places().key("component"), "too many"));
        return;
    }
    let check = Check { app, places: app.origin.places(), problems };
    components::check(&check);
    triggers::check(&check);
    groups::check(&check);
    routes::check(&check);
    stores::check(&check);
    dependencies::check(&check);
    bridges::check(&check);
    cycles::check(&check);
    templates::check(&check);
    hosts::check(&check);
    settings::check(&check);
}

impl Check<'_> {
    /// The path of a key of a component.
    fn path(&self, component: &Component, key: &str) -> String {
        format!("{}.{key}", component.written_at)
    }

    /// The place of a component's name.
    fn name_of(&self, component: &Component) -> Span {
        self.places.key(&component.written_at)
    }

    /// Reports a reference to a component that is not there.
    fn report_unknown_component(&self, id: &str, at: Span) {
        let ids = self.app.components.keys().map(String::as_str);
        let hint = match nearest(id, ids) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add `[component.{id}]`, or name one that is there"),
        };
        self.problems.push(
            Problem::new(Code::UnknownComponent, format!("there is no component `{id}`"))
                .label(at, "not in this manifest")
                .hint(hint),
        );
    }
}

/// The path of a dependency of a component.
pub(crate) fn dependency_path(component: &Component, import: &str) -> String {
    join(&format!("{}.dependencies", component.written_at), import)
}
