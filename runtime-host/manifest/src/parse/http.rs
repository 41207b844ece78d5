//! `[[trigger.http]]`.

use crate::app::{Handler, HttpTrigger, Route};
use crate::parse::trigger::{Context, report_no_component};
use crate::parse::{executor, middleware, static_response};
use crate::reader::{Code, Field, Problem, Table};
use crate::routes::RoutePattern;

pub(super) fn read(mut table: Table<'_>, context: &mut Context<'_>) -> Option<HttpTrigger> {
    let id = context.id(&mut table, "http");
    let hint = "add `route = \"/...\"`, or `route = { private = true }` for other components only";
    let route = table.required("route", hint).and_then(|field| route(&field, context.base));
    let handler = match context.owner.clone() {
        Some(owner) => Some(Handler::Component(owner)),
        None => handler(&mut table, context, &id),
    };
    let executor = table.optional("executor").and_then(|field| executor::read(&field));
    let middleware = table.optional("dependencies");
    let middleware = middleware.map(|field| middleware::read(&field, context.scope.folder));
    table.optional("components");
    let written_at = table.field.path.clone();
    table.finish();
    Some(HttpTrigger {
        id,
        route: route?,
        handler: handler?,
        middleware: middleware.unwrap_or_default(),
        executor: executor.unwrap_or_default(),
        written_at,
    })
}

fn handler(table: &mut Table<'_>, context: &mut Context<'_>, id: &str) -> Option<Handler> {
    let component = table.optional("component");
    let fixed = table.optional("static_response");
    match (&component, &fixed) {
        (Some(component), Some(fixed)) => {
            report_both(component, fixed);
            None
        }
        (Some(field), None) => context.component(field, id).map(Handler::Component),
        (None, Some(field)) => static_response::read(field).map(Handler::Static),
        (None, None) => {
            report_no_component(table, "`component = \"…\"` or `static_response = { … }`");
            None
        }
    }
}

fn report_both(component: &Field<'_>, fixed: &Field<'_>) {
    component.problems.push(
        Problem::new(Code::ConflictingKeys, "the trigger has a component and a static response")
            .label(component.key.clone(), "a component")
            .label(fixed.key.clone(), "and a static response")
            .hint("remove one of the two"),
    );
}

fn route(field: &Field<'_>, base: &str) -> Option<Route> {
    if field.is_table() {
        return private(field);
    }
    if !field.is_string() {
        field.wrong_type("a path or `{ private = true }`");
        return None;
    }
    let text = field.string()?;
    match RoutePattern::parse(base, &text) {
        Ok(pattern) => {
            warn_of_doubt(field, &pattern);
            Some(Route::Path(below(base, text)))
        }
        Err(error) => {
            field.report_invalid(Code::BadRoute, "a route", &error.message, &error.hint);
            None
        }
    }
}

fn warn_of_doubt(field: &Field<'_>, pattern: &RoutePattern) {
    if let Some(doubt) = pattern.doubt() {
        let message = format!("`{}`: {}", field.path, doubt.message);
        let problem = Problem::new(Code::BadRoute, message).warning();
        field.problems.push(problem.label(field.span(), "matches no request").hint(doubt.hint));
    }
}

/// A route below the base path. Without one it stays as it is: components see it as written.
fn below(base: &str, route: String) -> String {
    match base {
        "" => route,
        base => format!("{base}/{}", route.strip_prefix('/').unwrap_or(&route)),
    }
}

fn private(field: &Field<'_>) -> Option<Route> {
    let mut table = field.table()?;
    let private = table.required("private", "write `route = { private = true }`");
    table.finish();
    let private = private?;
    if !private.boolean()? {
        let hint = "a route is a path or `{ private = true }`";
        private.report(Code::BadRoute, "is false, and the route has no path", "not true", hint);
        return None;
    }
    Some(Route::Private)
}
