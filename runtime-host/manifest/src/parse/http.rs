//! `[[trigger.http]]`.

use crate::app::{Handler, HttpTrigger, Route, StaticResponse};
use crate::parse::trigger::{Context, refuse_several_components, report_no_component};
use crate::reader::{Code, Field, Key, Problem, Table};
use crate::routes::RoutePattern;

/// Status codes of final responses.
const STATUS_RANGE: std::ops::RangeInclusive<i64> = 200..=599;

/// Header fields about the connection and the framing of bodies (RFC 9110, section 7.6.1).
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
        let hint = "use a path as the route, or a component that other components can call";
        let message = "has a private route and cannot be requested";
        fixed.report(Code::BadRoute, message, "never sent", hint);
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
        Ok(pattern) => Some(Route::Path(pattern.to_string())),
        Err(error) => {
            field.report_invalid(Code::BadRoute, "a route", &error.message, &error.hint);
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
        private.report(Code::BadRoute, "is false, and the route has no path", "not true", hint);
        return None;
    }
    Some(Route::Private)
}

fn static_response(field: &Field<'_>) -> Option<StaticResponse> {
    let mut table = field.table()?;
    let status = table.optional("status_code").map(|field| status(&field));
    let body = table.string("body");
    let body_bytes = body.as_ref().map_or(0, String::len);
    let headers = table.optional("headers").map(|field| headers(&field, body_bytes));
    let headers = headers.unwrap_or_default();
    table.finish();
    Some(StaticResponse { status: status.unwrap_or(Some(200))?, headers, body })
}

fn status(field: &Field<'_>) -> Option<u16> {
    let number = field.integer()?;
    if !STATUS_RANGE.contains(&number) {
        let hint = "write 200 to 599";
        field.report(Code::BadValue, "is not the status of a response", "out of range", hint);
    }
    u16::try_from(number).ok()
}

fn headers(field: &Field<'_>, body_bytes: usize) -> Vec<(String, String)> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let mut headers = Vec::new();
    for (key, value) in field.string_entries() {
        let name_fits = !key.name.is_empty() && key.name.chars().all(token);
        if !name_fits || value.chars().any(char::is_control) {
            let message = format!("{:?} is not a valid header field", key.name);
            let hint = "names consist of letters, digits and `-`; values are one line";
            let span = key.span.clone();
            field.problems.report(Code::BadValue, message, span, "not a header field", hint);
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
        let message = format!("`{}` is {value:?}, but the body has {body_bytes} bytes", key.name);
        let (span, label) = (key.span.clone(), "not the length of the body");
        headers.problems.report(
            Code::BadValue,
            message,
            span,
            label,
            "remove it: the host adds it",
        );
    }
}

/// Reports fields that only the host may set: in a static response they could break the
/// connection.
fn check_connection(headers: &Field<'_>, key: &Key) {
    if CONNECTION_FIELDS.iter().any(|name| key.name.eq_ignore_ascii_case(name)) {
        let message = format!("`{}` is set by the host only", key.name);
        let (span, label) = (key.span.clone(), "about the connection");
        headers.problems.report(Code::BadValue, message, span, label, "remove it");
    }
}

/// Checks `executor`. The host determines the executor from the component itself.
fn check_executor(field: &Field<'_>) {
    let Some(mut table) = field.table() else { return };
    let kind = table.required("type", "write `executor = { type = \"http\" }`, or remove it");
    match kind.as_ref().and_then(Field::string) {
        Some(kind) if kind == "wagi" => {
            let hint = "build the component for `wasi:http`, and remove `executor`";
            let message = "has the type `wagi`, which is not supported";
            field.report(Code::Unsupported, message, "not supported", hint);
        }
        Some(kind) if !["http", "spin"].contains(&kind.as_str()) => {
            let message = format!("has the unknown type `{kind}`");
            let hint = "write `{ type = \"http\" }`, or remove it";
            field.report(Code::BadValue, &message, "unknown type", hint);
        }
        Some(_) => table.finish(),
        None => {}
    }
}
