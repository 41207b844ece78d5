//! The sign-in page: no script, one style sheet that the policy names by its hash.

use super::parameters::Parameters;
use crate::domain::client::origin;
use crate::domain::encoding::sha256;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::html::escape;
use http::{HeaderName, HeaderValue, StatusCode, header};

const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center}\
main{width:min(22rem,90vw)}\
label{display:block;margin-top:1rem}\
input{box-sizing:border-box;width:100%;padding:.6rem;font:inherit}\
button{margin-top:1.5rem;width:100%;padding:.7rem;font:inherit;font-weight:600}\
.error{border-left:.3rem solid #c0262d;padding:.3rem .8rem}";

/// What is carried from the request through the form.
const CARRIED: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// The form, with what was typed before and what was wrong with it.
pub(super) fn form(status: StatusCode, parameters: &Parameters, advice: Option<&str>) -> Response {
    let hidden: String = CARRIED
        .into_iter()
        .filter_map(|name| Some((name, parameters.get(name)?)))
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
        })
        .collect();
    let client = escape(parameters.get("client_id").unwrap_or_default());
    let email = escape(parameters.get("email").unwrap_or_default());
    let (advice, invalid) = match advice {
        Some(text) => (
            format!("<p class=\"error\" role=\"alert\" id=\"advice\">{}</p>", escape(text)),
            " aria-invalid=\"true\" aria-describedby=\"advice\"",
        ),
        None => (String::new(), ""),
    };
    let body = format!(
        "<h1>Sign in</h1><p>to continue to <strong>{client}</strong></p>{advice}\
         <form method=\"post\" action=\"/oauth2/authorize\">{hidden}\
         <label for=\"email\">E-mail address</label>\
         <input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"username\" \
         required value=\"{email}\"{invalid}>\
         <label for=\"password\">Password</label>\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required{invalid}>\
         <button type=\"submit\">Sign in</button></form>"
    );
    let target = origin(parameters.get("redirect_uri").unwrap_or_default());
    document(status, "Sign in", &body, target)
}

/// A page that says why this request goes nowhere.
pub(super) fn refusal(reason: &str) -> Response {
    let body = format!("<h1>This can't be done</h1><p role=\"alert\">{}</p>", escape(reason));
    document(StatusCode::BAD_REQUEST, "This can't be done", &body, "")
}

/// Keeps codes and passwords out of caches and of the `Referer` of what follows.
pub(super) fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// `target` is the origin that the form's answer may redirect to: browsers apply
/// `form-action` to redirects too.
fn document(status: StatusCode, title: &str, body: &str, target: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    );
    let style = STANDARD.encode(sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {target}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = (status, Html(html)).into_response();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let frames = HeaderName::from_static("x-frame-options");
    response.headers_mut().insert(frames, HeaderValue::from_static("DENY"));
    protect(&mut response);
    response
}
