//! Client identification at the token and revocation endpoints.
//!
//! All clients are public: they have an id and no secret. RFC 6749 section 2.3.1 lets them send the
//! id in the body, or as the user name of HTTP Basic with an empty password, as many libraries do.
//! A password that is not empty can't be valid, so the client is not authenticated (section 5.2).

use super::errors::OAuthError;
use super::parameters::Parameters;
use axum::extract::Request;
use data_encoding::BASE64;
use http::{HeaderMap, header};

/// The client id of a request, if it has one.
pub(super) struct ClientId {
    id: Option<String>,
    by_header: bool,
}

impl ClientId {
    /// The client of a request and its parameters.
    pub(super) async fn read(request: Request) -> Result<(Self, Parameters), OAuthError> {
        let by_header = Self::from_headers(request.headers())?;
        let parameters = Parameters::from_body(request).await?;
        Ok((Self::of(by_header, &parameters)?, parameters))
    }

    /// The client that HTTP Basic names; `None` without the header.
    fn from_headers(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(OAuthError::invalid_request("send one Authorization header"));
        }
        let refused = |reason| OAuthError::invalid_client(reason, true);
        let text = value.to_str().ok();
        let (id, secret) =
            text.and_then(basic).ok_or_else(|| refused("only the scheme Basic is supported"))?;
        if !secret.is_empty() {
            return Err(refused("clients must not send a secret"));
        }
        Ok(Some(id))
    }

    /// The client id from the header or the body. If both are present, they must be equal.
    fn of(by_header: Option<String>, parameters: &Parameters) -> Result<Self, OAuthError> {
        let in_body = parameters.get("client_id").map(str::to_owned);
        if parameters.get("client_secret").is_some() {
            return Err(OAuthError::invalid_client("clients must not send a secret", false));
        }
        match (by_header, in_body) {
            (Some(header), Some(body)) if header != body => {
                Err(OAuthError::invalid_request("header and body name different clients"))
            }
            (Some(id), _) => Ok(Self { id: Some(id), by_header: true }),
            (None, id) => Ok(Self { id, by_header: false }),
        }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn require(&self) -> Result<&str, OAuthError> {
        self.id().ok_or_else(|| OAuthError::invalid_request("the parameter client_id is missing"))
    }

    /// The error for an unknown client.
    pub(super) fn refused(&self, reason: &str) -> OAuthError {
        OAuthError::invalid_client(reason, self.by_header)
    }
}

/// User name and password, each form-encoded (RFC 6749 section 2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded(id), decoded(secret)))
}

/// Decodes one form-encoded value.
fn decoded(text: &str) -> String {
    // `&` and `=` do not occur in an encoded value. Without the mask they would end it.
    let masked = text.replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(masked.as_bytes());
    pairs.next().map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(user: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", BASE64.encode(user.as_bytes()));
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn the_id_is_read_from_basic_without_a_secret() {
        assert_eq!(ClientId::from_headers(&HeaderMap::new()).unwrap(), None);
        let read = |user: &str| ClientId::from_headers(&header(user));
        assert_eq!(read("app:").unwrap().unwrap(), "app");
        assert_eq!(read("an%20app%3A1:").unwrap().unwrap(), "an app:1");
        for user in ["app:secret", "app", ""] {
            assert_eq!(read(user).unwrap_err().code, "invalid_client", "{user}");
        }
    }
}
