//! Error responses of the host itself: problem details (RFC 9457).
//!
//! The host serves any application, so it has no path or domain of its own at which it could
//! document problem types. So `type` is `about:blank`, `title` and `status` are those of HTTP, and
//! the member `code` names the failure. `docs/problems.md` lists the codes.

use crate::calls::Kind;
use http::StatusCode;
use serde_json::{Value, json};

/// The media type of a problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $name:literal, $status:ident;)*) => {
        /// The failure. Clients compare its name, so a name is never changed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            /// A call of a component failed.
            Call(Kind),
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes except those of calls.
            #[cfg(test)]
            const OWN: &[Self] = &[$(Self::$variant),*];

            /// The member `code`.
            fn name(self) -> &'static str {
                match self {
                    Self::Call(kind) => kind.name(),
                    $(Self::$variant => $name,)*
                }
            }

            /// The status of the response.
            pub(crate) fn status(self) -> StatusCode {
                match self {
                    Self::Call(kind) => StatusCode::from_u16(kind.status())
                        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    $(Self::$variant => StatusCode::$status,)*
                }
            }
        }
    };
}

codes! {
    /// The request is invalid.
    BadRequest => "bad-request", BAD_REQUEST;
    /// The admin listener requires its token.
    Unauthorized => "unauthorized", UNAUTHORIZED;
    /// The host name of a request to the admin listener is not allowed.
    NamedHost => "named-host", FORBIDDEN;
    /// It does not fit the present state, for example a second rollout of a component.
    Conflict => "conflict", CONFLICT;
    /// The client has too many requests in flight.
    TooManyRequests => "too-many-requests", TOO_MANY_REQUESTS;
    /// The client has too many streams open.
    TooManyStreams => "too-many-streams", TOO_MANY_REQUESTS;
    /// The client sends too many large bodies at once.
    TooManyUploads => "too-many-uploads", TOO_MANY_REQUESTS;
    /// The head of the request is too large.
    FieldsTooLarge => "fields-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE;
    /// The host itself failed, and a retry does not help.
    Internal => "internal", INTERNAL_SERVER_ERROR;
    /// The host is not a proxy.
    NotImplemented => "not-implemented", NOT_IMPLEMENTED;
    /// The memory for request bodies is used up.
    Overloaded => "overloaded", SERVICE_UNAVAILABLE;
    /// The event log is unavailable.
    Unavailable => "unavailable", SERVICE_UNAVAILABLE;
}

impl Code {
    /// There is no route for this path, or no such resource.
    pub(crate) const NOT_FOUND: Self = Self::Call(Kind::NotFound);
}

/// The problem as JSON. `detail` describes this occurrence for people.
pub(crate) fn document(code: Code, detail: &str) -> Value {
    let status = code.status();
    json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "code": code.name(),
        "detail": detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const DOCUMENTATION: &str = include_str!("../../../docs/problems.md");

    fn all() -> impl Iterator<Item = Code> {
        Kind::ALL.iter().copied().map(Code::Call).chain(Code::OWN.iter().copied())
    }

    /// Code and status from a row of a table.
    fn documented(line: &str) -> Option<(&str, u16)> {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (code, status) = (cells.next()?.strip_suffix('`')?, cells.next()?);
        Some((code, status.parse().ok()?))
    }

    #[test]
    fn the_documentation_has_each_code_with_its_status_and_no_other() {
        let documented: Vec<_> = DOCUMENTATION.lines().filter_map(documented).collect();
        let named: BTreeSet<_> = all().map(|code| (code.name(), code.status().as_u16())).collect();
        assert_eq!(documented.iter().copied().collect::<BTreeSet<_>>(), named);
        assert_eq!((documented.len(), all().count()), (named.len(), named.len()), "one is twice");
    }

    #[test]
    fn title_and_status_are_those_of_http() {
        for code in all() {
            let problem = document(code, "why");
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error(), "{problem}");
            assert_eq!(problem["type"], "about:blank");
            assert_eq!(problem["title"].as_str(), status.canonical_reason(), "{problem}");
            assert_eq!(problem["status"], status.as_u16());
            assert_eq!(
                (&problem["code"], &problem["detail"]),
                (&code.name().into(), &"why".into())
            );
        }
    }
}
