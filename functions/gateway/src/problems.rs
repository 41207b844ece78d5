//! The documentation of problem types (RFC 9457, section 3.1.1).
//!
//! An HTML page by default, and JSON for clients that ask for it.

use crate::domain::accept::prefers_json;
use axum::response::{IntoResponse, Response};
use chassis::html::escape;
use chassis::page::Page;
use chassis::{Problem, ProblemType};
use data_encoding::BASE64;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The path of the list. Each type is at `{PATH}/<slug>`.
const PATH: &str = "/problems";
/// The style sheet of the pages. Their content security policy names its hash.
const STYLE: &str = include_str!("problems/style.css");
/// The pages change only with a new version of the shop.
const CACHE: &str = "public, max-age=300";

/// The response to `GET /problems`.
pub fn list(request: &HeaderMap) -> Response {
    if wants_json(request) {
        let items: Vec<_> = ProblemType::ALL.iter().map(|kind| described(*kind)).collect();
        return data(&Page { items, next_cursor: None });
    }
    let mut rows = String::new();
    for kind in ProblemType::ALL {
        // Writing to a string cannot fail.
        let _ = write!(
            rows,
            "<li><a href=\"{}\">{}</a><span>{}</span><p>{}</p></li>",
            kind.path(),
            escape(kind.title()),
            status(*kind),
            text(kind.meaning()),
        );
    }
    let introduction = "Error responses are problem details (RFC 9457). The member \
                        <code>type</code> leads to one of these:";
    page("Problems", &format!("<h1>Problems</h1><p>{introduction}</p><ul>{rows}</ul>"))
}

/// The response to `GET /problems/{slug}`, for the path of a request.
pub fn one(path: &str, request: &HeaderMap) -> chassis::Result<Response> {
    let found = ProblemType::ALL.iter().copied().find(|kind| kind.path() == path);
    let kind = found
        .ok_or_else(|| Problem::not_found(format!("Unknown problem type. See {PATH} for all.")))?;
    if wants_json(request) {
        return Ok(data(&described(kind)));
    }
    let body = format!(
        "<h1>{title}</h1>\
         <dl><dt>Type</dt><dd><code>{path}</code></dd><dt>Status</dt><dd>{status}</dd></dl>\
         <h2>What it means</h2><p>{meaning}</p>\
         <h2>What to do</h2><p>{advice}</p>\
         <p><a href=\"{PATH}\">All problems</a></p>",
        title = escape(kind.title()),
        path = kind.path(),
        status = status(kind),
        meaning = text(kind.meaning()),
        advice = text(kind.advice()),
    );
    Ok(page(kind.title(), &body))
}

fn wants_json(request: &HeaderMap) -> bool {
    let fields = request.get_all(header::ACCEPT).iter();
    let fields: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
    prefers_json(&fields.join(","))
}

/// The documentation of a problem type.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ProblemType"))]
pub(crate) struct ProblemTypeView {
    /// What a client can do about it.
    advice: &'static str,
    /// What happened.
    meaning: &'static str,
    /// The HTTP status; null if it varies.
    #[cfg_attr(test, schemars(range(min = 400, max = 599)))]
    status: Option<u16>,
    /// The title of the problem type, for people.
    title: &'static str,
    /// The value of `type` in problems of this type.
    #[serde(rename = "type")]
    #[cfg_attr(test, schemars(extend("format" = "uri-reference")))]
    kind: &'static str,
}

fn described(kind: ProblemType) -> ProblemTypeView {
    ProblemTypeView {
        advice: kind.advice(),
        meaning: kind.meaning(),
        status: kind.status().map(|status| status.as_u16()),
        title: kind.title(),
        kind: kind.path(),
    }
}

/// `409 Conflict`.
fn status(kind: ProblemType) -> String {
    kind.status().map_or_else(|| "any from 400 to 499".to_owned(), |status| status.to_string())
}

/// The text as HTML. Text between backticks is code.
fn text(plain: &str) -> String {
    let parts = plain.split('`').map(escape).enumerate();
    let marked = parts.map(|(number, part)| match number % 2 {
        0 => part,
        _ => format!("<code>{part}</code>"),
    });
    marked.collect()
}

fn data(value: &impl Serialize) -> Response {
    respond("application/json", serde_json::to_string(value).unwrap_or_default())
}

fn page(title: &str, body: &str) -> Response {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = BASE64.encode(&Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        )
    });
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{} · Tessera</title><style>{STYLE}</style></head>\
         <body><main><p class=\"brand\"><a href=\"/\">TESSERA</a></p>{body}</main></body></html>",
        escape(title),
    );
    let response = respond("text/html; charset=utf-8", html);
    ([(header::CONTENT_SECURITY_POLICY, POLICY.as_str())], response).into_response()
}

/// Caches must not mix up the two representations.
fn respond(content_type: &'static str, body: String) -> Response {
    let fields: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, CACHE),
        (header::VARY, "accept"),
    ];
    (StatusCode::OK, fields, body).into_response()
}

#[cfg(test)]
mod tests;
