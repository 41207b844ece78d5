//! The parameters of OAuth requests.
//!
//! OAuth sends forms; for pages, the endpoints also accept the parameters as a JSON object. A
//! duplicate parameter is an error (RFC 6749 section 3.1): two parsers could use different values.

use super::errors::OAuthError;
use axum::extract::Request;
use chassis::form::{FORM, JSON, media_type, read_limited, unique_json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest body or query of an OAuth request, in bytes.
const BYTES_MAX: usize = 16 * 1024;
/// The maximum number of parameters of one request.
const PARAMETERS_MAX: usize = 64;

/// Values by name.
#[derive(Clone, Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query string or a form.
    pub(super) fn from_form(text: &[u8]) -> Result<Self, OAuthError> {
        let owned = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
            Ok((name.into_owned(), value.into_owned()))
        };
        Self::distinct(form_urlencoded::parse(text).map(owned))
    }

    /// Reads a body by its content type.
    pub(super) async fn from_body(request: Request) -> Result<Self, OAuthError> {
        let is_json = match media_type(request.headers()).as_str() {
            FORM => false,
            JSON => true,
            // The body is not read.
            _ => {
                let known = "send application/x-www-form-urlencoded or application/json";
                return Err(OAuthError::invalid_request(known));
            }
        };
        let too_long = |_| OAuthError::invalid_request("the body is too long or incomplete");
        let body = read_limited(request.into_body(), BYTES_MAX).await.map_err(too_long)?;
        if is_json { Self::from_json(&body) } else { Self::from_form(&body) }
    }

    /// The value of a parameter. One without a value counts as absent (RFC 6749 section 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a required parameter.
    pub(super) fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| OAuthError::invalid_request(&format!("the parameter {name} is missing")))
    }

    fn from_json(body: &[u8]) -> Result<Self, OAuthError> {
        let Ok(serde_json::Value::Object(object)) = unique_json(body) else {
            let reason = "the body is not a JSON object, or has a duplicate member";
            return Err(OAuthError::invalid_request(reason));
        };
        let text = |(name, value): (String, serde_json::Value)| match value {
            serde_json::Value::String(value) => Ok((name, value)),
            _ => Err(OAuthError::invalid_request(&format!("{name} must be a string"))),
        };
        Self::distinct(object.into_iter().map(text))
    }

    fn distinct(
        pairs: impl Iterator<Item = Result<(String, String), OAuthError>>,
    ) -> Result<Self, OAuthError> {
        let mut parameters = BTreeMap::new();
        for pair in pairs {
            let (name, value) = pair?;
            if parameters.insert(name, value).is_some() {
                return Err(OAuthError::invalid_request("a parameter is duplicated"));
            }
            if parameters.len() > PARAMETERS_MAX {
                return Err(OAuthError::invalid_request("too many parameters"));
            }
        }
        Ok(Self(parameters))
    }
}
