//! The page for sign-in and consent. It has no script, and one style sheet that the content
//! security policy names by its hash.

use super::parameters::Parameters;
use crate::domain::client::{SCOPES, has_scope, origin};
use crate::domain::secret::sha256;
use axum::response::{Html, IntoResponse, Response};
use chassis::html::escape;
use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, StatusCode, header};

const STYLE: &str = include_str!("page.css");

/// The parameters of the request that the form repeats.
const REPEATED: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// The request of an application to a user: scopes to grant, and credentials.
pub(super) struct ConsentForm<'a> {
    /// The name of the application.
    pub(super) client: &'a str,
    /// The requested scopes, separated by spaces.
    pub(super) scope: &'a str,
    /// The parameters of the request, with the submitted values.
    pub(super) parameters: &'a Parameters,
}

impl ConsentForm<'_> {
    /// The form, with advice about a failed submission.
    pub(super) fn show(&self, status: StatusCode, advice: Option<&str>) -> Response {
        let client = escape(self.client);
        let email = escape(self.parameters.get("email").unwrap_or_default());
        let (advice, invalid) = match advice {
            Some(text) => (
                format!("<p class=\"error\" role=\"alert\" id=\"advice\">{}</p>", escape(text)),
                " aria-invalid=\"true\" aria-describedby=\"advice\"",
            ),
            None => (String::new(), ""),
        };
        let (hidden, permissions) = (self.hidden(), self.permissions());
        let body = format!(
            "<h1>Sign in</h1><p><strong>{client}</strong> asks to</p><ul>{permissions}</ul>{advice}\
             <form method=\"post\" action=\"/oauth2/authorize\">{hidden}\
             <label for=\"email\">E-mail address</label>\
             <input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"username\" \
             required value=\"{email}\"{invalid}>\
             <label for=\"password\">Password</label>\
             <input id=\"password\" name=\"password\" type=\"password\" \
             autocomplete=\"current-password\" required{invalid}>\
             <button type=\"submit\" name=\"decision\" value=\"allow\">Sign in and allow</button>\
             <button type=\"submit\" name=\"decision\" value=\"deny\" class=\"second\" \
             formnovalidate>Do not allow</button></form>"
        );
        let target = origin(self.parameters.get("redirect_uri").unwrap_or_default());
        document(status, "Sign in", &body, target)
    }

    fn hidden(&self) -> String {
        REPEATED
            .into_iter()
            .filter_map(|name| Some((name, self.parameters.get(name)?)))
            .map(|(name, value)| {
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
            })
            .collect()
    }

    /// What the scopes allow, in words. Without a scope, the application still learns that the user
    /// has signed in.
    fn permissions(&self) -> String {
        let granted = SCOPES.into_iter().filter(|(scope, _)| has_scope(self.scope, scope));
        let items: String = granted.map(|(_, text)| format!("<li>{text}</li>")).collect();
        if items.is_empty() { "<li>know that you have signed in</li>".to_owned() } else { items }
    }
}

/// The page for an invalid request, with the reason.
pub(super) fn refusal(reason: &str) -> Response {
    let body = format!(
        "<h1>This request can't be processed</h1><p class=\"error\" role=\"alert\">{}</p>\
         <p>Go back to the application that sent you here and try again. If the problem persists, \
         contact its operator.</p><p><a href=\"/\">To the shop</a></p>",
        escape(reason)
    );
    document(StatusCode::BAD_REQUEST, "This request can't be processed", &body, "")
}

/// Keeps codes and passwords out of caches, and out of the `Referer` of the next requests.
pub(super) fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// `target` is the origin that the response to the form may redirect to: browsers apply
/// `form-action` to redirects, too.
fn document(status: StatusCode, title: &str, body: &str, target: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title} · Tessera</title><style>{STYLE}</style></head>\
         <body><main><p class=\"brand\">TESSERA</p>{body}</main></body></html>"
    );
    let style = BASE64.encode(&sha256(STYLE.as_bytes()));
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
