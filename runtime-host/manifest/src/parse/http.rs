//! `[[trigger.http]]`.

use crate::app::{Handler, HttpTrigger, Route, StaticResponse};
use crate::document::{Field, Table};
use crate::parse::trigger::{Context, refuse_several_components, report_no_component};
use crate::problem::{Code, Problem};
use crate::routes::RoutePattern;
use crate::tree::Key;

/// Status codes of whole answers; 1xx are steps on the way to one.
const STATUS_RANGE: std::ops::RangeInclusive<i64> = 200..=599;

/// Fields about one connection and the framing of bodies (RFC 9110, section 7.6.1).
const CONNECTION_FIELDS: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn read(mut table: Table<'_>, context: &mut Context<'_>) -> Option<HttpTrigger> {
    let id = context.id(&mut table, "http");
    let hint = "add `route = \"/...\"`, or `route = { private = true }` for other components only";
    let route = table.required("route", hint).and_then(|field| route(&field, context.base));
    let component = table.optional("component");
    let fixed = table.optional("static_response");
    let handler = match (&component, &fixed) {
        (Some(component), Some(fixed)) => {
            report_both(component, fixed);
            None
        }
        (Some(field), None) => context.component(field, &id).map(Handler::Component),
        (None, Some(field)) => static_response(field).map(Handler::Static),
        (None, None) => {
            report_no_component(&table, "`component = \"…\"` or `static_response = { … }`");
            None
        }
    };
    if let (Some(Route::Private), Some(fixed)) = (&route, &fixed) {
        let hint = "give it a path, or a component that others can call";
        fixed.fault(Code::BadRoute, "is private: nobody can ask for it", "never sent", hint);
    }
    if let Some(field) = table.optional("executor") {
        check_executor(&field);
    }
    refuse_several_components(&mut table);
    let written_at = table.field.path.clone();
    table.finish();
    Some(HttpTrigger { id, route: route?, handler: handler?, written_at })
}

fn report_both(component: &Field<'_>, fixed: &Field<'_>) {
    component.problems.push(
        Problem::new(Code::ConflictingKeys, "the trigger has two who answer it")
            .label(component.key.clone(), "a component")
            .label(fixed.key.clone(), "and a fixed answer")
            .hint("remove one of the two"),
    );
}

fn route(field: &Field<'_>, base: &str) -> Option<Route> {
    if field.is_table() {
        return private(field);
    }
    if !field.is_text() {
        field.wrong_type("a path or `{ private = true }`");
        return None;
    }
    let text = field.text()?.value;
    match RoutePattern::parse(base, &text) {
        Ok(pattern) => Some(Route::Path(pattern.to_string())),
        Err(error) => {
            let message = format!("is not a route: {}", error.message);
            field.fault(Code::BadRoute, &message, "not a route", &error.hint);
            None
        }
    }
}

fn private(field: &Field<'_>) -> Option<Route> {
    let mut table = field.table()?;
    let private = table.required("private", "write `route = { private = true }`");
    table.finish();
    let private = private?;
    if !private.boolean()? {
        let hint = "a route is a path or `{ private = true }`";
        private.fault(
            Code::BadRoute,
            "is false, and there is no path",
            "then what is the route?",
            hint,
        );
        return None;
    }
    Some(Route::Private)
}

fn static_response(field: &Field<'_>) -> Option<StaticResponse> {
    let mut table = field.table()?;
    let status = table.optional("status_code").map(|field| status(&field));
    let body = table.text("body");
    let body_bytes = body.as_ref().map_or(0, String::len);
    let headers = table.optional("headers").map(|field| headers(&field, body_bytes));
    let headers = headers.unwrap_or_default();
    table.finish();
    Some(StaticResponse { status: status.unwrap_or(Some(200))?, headers, body })
}

fn status(field: &Field<'_>) -> Option<u16> {
    let number = field.integer()?;
    if !STATUS_RANGE.contains(&number) {
        field.fault(
            Code::BadValue,
            "is no status of an answer",
            "out of range",
            "write 200 to 599",
        );
    }
    u16::try_from(number).ok()
}

fn headers(field: &Field<'_>, body_bytes: usize) -> Vec<(String, String)> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let mut headers = Vec::new();
    for (key, value) in field.text_entries() {
        let name_fits = !key.name.is_empty() && key.name.chars().all(token);
        if !name_fits || value.chars().any(char::is_control) {
            let message = format!("{:?} cannot be sent as a header", key.name);
            let problem =
                Problem::new(Code::BadValue, message).label(key.span.clone(), "not a header");
            field
                .problems
                .push(problem.hint("names are letters, digits and `-`; values are one line"));
        }
        check_length(field, key, &value, body_bytes);
        check_connection(field, key);
        headers.push((key.name.clone(), value));
    }
    headers
}

/// With a wrong length, the client would wait for more data or truncate the body.
fn check_length(headers: &Field<'_>, key: &Key, value: &str, body_bytes: usize) {
    let is_length = key.name.eq_ignore_ascii_case("content-length");
    if is_length && value.trim().parse() != Ok(body_bytes) {
        let message = format!("`{}` is {value:?}, and the body has {body_bytes} bytes", key.name);
        let problem =
            Problem::new(Code::BadValue, message).label(key.span.clone(), "not the body's length");
        headers.problems.push(problem.hint("remove it: the host adds the right one"));
    }
}

/// Only the host knows the connection: such a field in a static response could break it.
fn check_connection(headers: &Field<'_>, key: &Key) {
    if CONNECTION_FIELDS.iter().any(|name| key.name.eq_ignore_ascii_case(name)) {
        let message = format!("`{}` is not for an answer to choose", key.name);
        let problem =
            Problem::new(Code::BadValue, message).label(key.span.clone(), "about the connection");
        headers.problems.push(problem.hint("remove it: the host adds what the connection needs"));
    }
}

/// The executor is found out from the component itself, so there is nothing to keep.
fn check_executor(field: &Field<'_>) {
    let Some(mut table) = field.table() else { return };
    let kind = table.required("type", "write `executor = { type = \"http\" }`, or leave it out");
    match kind.as_ref().and_then(Field::text) {
        Some(kind) if kind.value == "wagi" => field.problems.push(
            Problem::new(Code::Unsupported, format!("`{}` asks for Wagi", field.path))
                .label(kind.span, "not offered")
                .hint("build the component for `wasi:http` and leave `executor` out"),
        ),
        Some(kind) if !["http", "spin"].contains(&kind.value.as_str()) => {
            let message = format!("is an unknown executor: `{}`", kind.value);
            field.fault(
                Code::BadValue,
                &message,
                "unknown",
                "write `{ type = \"http\" }`, or leave it out",
            );
        }
        Some(_) => table.finish(),
        None => {}
    }
}
