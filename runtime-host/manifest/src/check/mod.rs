//! Rules across tables: one file per rule, each a function over the whole application.
//!
//! They also run if some tables had problems, so that one run reports all problems. A rule does not
//! report what another rule or a reader reports.

mod bridges;
mod callees;
mod components;
mod cycles;
mod dependencies;
mod groups;
mod hosts;
mod limits;
mod policies;
mod profile;
mod routes;
mod settings;
mod stores;
mod templates;
mod triggers;

use crate::COMPONENTS_MAX;
use crate::app::{App, Component};
use crate::reader::{Code, Problem, Problems, Span, SpanIndex, join, nearest};

/// The input of a rule, and the collector of its problems.
pub(crate) struct Check<'a> {
    app: &'a App,
    spans: &'a SpanIndex,
    problems: &'a Problems,
}

/// Applies all rules.
pub(crate) fn all(app: &App, problems: &Problems) {
    if app.components.len() > COMPONENTS_MAX {
        let message = format!("the application has more than {COMPONENTS_MAX} components");
        let at = app.origin.spans().key("component");
        problems.report(Code::BadValue, message, at, "too many", "split the application");
        return;
    }
    let check = Check { app, spans: app.origin.spans(), problems };
    profile::check(&check);
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
    limits::check(&check);
    policies::check(&check);
}

impl Check<'_> {
    /// The path of a key of a component.
    fn path(&self, component: &Component, key: &str) -> String {
        self.app.origin.path_of(component, key)
    }

    /// Reports what stock Spin accepts: an error only in an application that was made for
    /// this host.
    fn doubt(&self, problem: Problem) {
        let declared = self.app.settings.declared;
        self.problems.push(if declared { problem } else { problem.warning() });
    }

    /// The span of a component's name.
    fn name_of(&self, component: &Component) -> Span {
        self.spans.key(&component.written_at)
    }

    /// Reports a reference to a component that does not exist.
    fn report_unknown_component(&self, id: &str, at: Span) {
        self.problems.push(self.unknown_component(id, at));
    }

    fn unknown_component(&self, id: &str, at: Span) -> Problem {
        let ids = self.app.components.keys().map(String::as_str);
        let or_else = || format!("add `[component.{id}]`, or name an existing component");
        let hint = did_you_mean(id, ids, or_else);
        let message = format!("unknown component `{id}`");
        let problem = Problem::new(Code::UnknownComponent, message);
        problem.label(at, "unknown component").hint(hint)
    }
}

/// The path of a dependency of a component.
pub(crate) fn dependency_path(app: &App, component: &Component, import: &str) -> String {
    app.origin.path_of(component, &join("dependencies", import))
}

/// The hint for a name that is not declared.
fn did_you_mean<'a>(
    name: &str,
    declared: impl Iterator<Item = &'a str>,
    or_else: impl FnOnce() -> String,
) -> String {
    nearest(name, declared).map_or_else(or_else, |near| format!("did you mean `{near}`?"))
}
