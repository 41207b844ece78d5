//! `static_response` of an HTTP trigger.

use std::ops::RangeInclusive;

use crate::app::StaticResponse;
use crate::reader::{Code, Field, Problem};

/// Status codes of final responses.
const STATUSES: RangeInclusive<u16> = 200..=999;
/// The status of a response without one.
const STATUS: u16 = 200;
/// The status of a response with one that can't be sent.
const STATUS_OF_FAULTS: u16 = 500;

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

/// What can't be sent is reported and left out: Spin starts, and answers such requests with 500.
pub(super) fn read(field: &Field<'_>) -> Option<StaticResponse> {
    let mut table = field.table()?;
    let status = table.optional("status_code").map(|field| status(&field));
    let body = table.string("body");
    let body_bytes = body.as_ref().map_or(0, String::len);
    let headers = table.optional("headers").map(|field| headers(&field, body_bytes));
    table.finish_with_warnings();
    let (status, headers) = (status.unwrap_or(Some(STATUS))?, headers.unwrap_or_default());
    Some(StaticResponse { status, headers, body })
}

fn status(field: &Field<'_>) -> Option<u16> {
    let number = field.integer()?;
    if let Some(status) = u16::try_from(number).ok().filter(|status| STATUSES.contains(status)) {
        return Some(status);
    }
    let message = format!("`{}` is not the status of a response", field.path);
    let problem = Problem::new(Code::BadValue, message).warning();
    let hint = format!("write {} to {}", STATUSES.start(), STATUSES.end());
    field.problems.push(problem.label(field.span(), "500 is sent instead").hint(hint));
    Some(STATUS_OF_FAULTS)
}

fn headers(field: &Field<'_>, body_bytes: usize) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (key, value) in field.string_entries() {
        let Some((message, hint)) = fault(&key.name, &value, body_bytes) else {
            headers.push((key.name.clone(), value));
            continue;
        };
        let problem = Problem::new(Code::BadValue, message).warning();
        field.problems.push(problem.label(key.span.clone(), "not sent").hint(hint));
    }
    headers
}

/// Why a header field can't be sent, and a hint.
fn fault(name: &str, value: &str, body_bytes: usize) -> Option<(String, &'static str)> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) || value.chars().any(char::is_control) {
        let hint = "names consist of letters, digits and `-`; values are one line";
        return Some((format!("{name:?} is not a valid header field"), hint));
    }
    // With a wrong length, the client would wait for more data or truncate the body.
    if name.eq_ignore_ascii_case("content-length") && value.trim().parse() != Ok(body_bytes) {
        let message = format!("`{name}` is {value:?}, but the body has {body_bytes} bytes");
        return Some((message, "remove it: the host adds it"));
    }
    // In a static response they could break the connection.
    let about_connection = CONNECTION_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field));
    about_connection.then(|| (format!("`{name}` is set by the host only"), "remove it"))
}
