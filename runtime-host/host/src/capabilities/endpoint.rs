//! A server that the operator configured and that the host itself sends JSON to, for a capability.

use super::outbound_http::Client;
use crate::message::full_body;
use crate::telemetry::TraceContext;
use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use std::fmt;

/// The maximum size of a response: the host holds it for the guest.
const RESPONSE_MAX_BYTES: usize = 32 << 20;

/// The server, and the token that it knows the host by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    token: Option<HeaderValue>,
}

/// Its answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Endpoint {
    /// The server of a URL, and the path in it, without a slash at its end.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(crate) fn parse(url: &str) -> Result<(Self, String), &'static str> {
        let uri: Uri = url.parse().map_err(|_| "it can't be read")?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or("it has no scheme")?;
        let authority = parts.authority.ok_or("it has no host")?;
        if authority.as_str().contains('@') {
            return Err("it has a user: a token says who the host is");
        }
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        let path = path.trim_end_matches('/').to_owned();
        Ok((Self { scheme, authority, token: None }, path))
    }

    /// The scheme in lowercase.
    pub(crate) fn scheme(&self) -> &str {
        self.scheme.as_str()
    }

    /// The same server by HTTP or HTTPS.
    pub(crate) fn by(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// The same server with this token; `None` if no header can have it.
    pub(crate) fn with_token(self, token: &str) -> Option<Self> {
        let mut token = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        token.set_sensitive(true);
        Some(Self { token: Some(token), ..self })
    }

    /// The same server with the token of another one.
    pub(super) fn with_token_of(self, other: &Self) -> Self {
        Self { token: other.token.clone(), ..self }
    }

    /// Posts JSON, and reads the response to its end. The error is text for the guest.
    pub(super) async fn post(
        &self,
        client: &Client,
        path: &str,
        message: &impl Serialize,
        trace: &TraceContext,
    ) -> Result<Answer, String> {
        let message = serde_json::to_vec(message).map_err(|error| error.to_string())?;
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        let uri = uri.path_and_query(path).build().map_err(|error| error.to_string())?;
        let mut request = Request::new(full_body(message));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &self.token {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        trace.write(headers);
        let response = client.fetch(request).await;
        let response = response.map_err(|error| format!("{self} can't be reached: {error}"))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, RESPONSE_MAX_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                format!("the answer of {self} exceeds the limit of {RESPONSE_MAX_BYTES} bytes")
            } else {
                format!("the answer of {self} was cut off: {error}")
            }
        })?;
        Ok(Answer { status: head.status, body: body.to_bytes() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// Without the token.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_url_has_a_server_and_a_path() {
        let (server, path) = Endpoint::parse("HTTP://models.example:8080/base/?x=1").unwrap();
        assert_eq!(
            (server.to_string().as_str(), path.as_str()),
            ("http://models.example:8080", "/base")
        );
        assert_eq!(server.scheme(), "http");
        let (server, path) = Endpoint::parse("libsql://db.example").unwrap();
        assert_eq!((server.scheme(), path.as_str()), ("libsql", ""));
        assert_eq!(server.by(Scheme::HTTPS).to_string(), "https://db.example");
        for bad in ["", "db.example", "/path", "http://", "http://u:p@db.example", "http://a b"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let (server, _) = Endpoint::parse("http://db.example").unwrap();
        let server = server.with_token("secret").unwrap();
        assert!(!format!("{server:?} {server}").contains("secret"));
        assert_eq!(server.with_token("a\nb"), None);
    }
}
