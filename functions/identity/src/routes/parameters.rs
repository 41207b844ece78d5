//! The parameters of OAuth requests.
//!
//! OAuth sends forms; the endpoints also take the same members as a JSON object, which is
//! what pages have at hand. A parameter given twice is an error (RFC 6749 section 3.1):
//! two readers might each believe another of them.

use super::errors::OAuthError;
use axum::extract::Request;
use chassis::form::{FORM, JSON, media_type, read_limited, unique_json};

/// Longest body or query of an OAuth request, in bytes.
const BYTES_MAX: usize = 16 * 1024;
/// Most parameters of one request.
const PARAMETERS_MAX: usize = 64;

/// Names and values, in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string or a form.
    pub(super) fn from_form(text: &[u8]) -> Result<Self, OAuthError> {
        let pairs = form_urlencoded::parse(text).take(PARAMETERS_MAX + 1);
        Self::distinct(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Reads a body by its content type.
    pub(super) async fn from_body(request: Request) -> Result<Self, OAuthError> {
        let is_json = match media_type(request.headers()).as_str() {
            FORM => false,
            JSON => true,
            // The body of another type is not waited for.
            _ => {
                let known = "send application/x-www-form-urlencoded or application/json";
                return Err(OAuthError::invalid_request(known));
            }
        };
        let too_long = |_| OAuthError::invalid_request("the body is too long or broke off");
        let body = read_limited(request.into_body(), BYTES_MAX).await.map_err(too_long)?;
        if is_json { Self::from_json(&body) } else { Self::from_form(&body) }
    }

    /// The value of a parameter. One without a value counts as absent (RFC 6749 section 3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(key, _)| key == name)?;
        Some(pair.1.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that must be there.
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
        Self::distinct(object.into_iter().map(text).collect::<Result<_, _>>()?)
    }

    fn distinct(pairs: Vec<(String, String)>) -> Result<Self, OAuthError> {
        if pairs.len() > PARAMETERS_MAX {
            return Err(OAuthError::invalid_request("too many parameters"));
        }
        let twice = pairs
            .iter()
            .enumerate()
            .find(|(index, (name, _))| pairs[..*index].iter().any(|(earlier, _)| earlier == name));
        match twice {
            Some(_) => Err(OAuthError::invalid_request("a parameter is duplicated")),
            None => Ok(Self(pairs)),
        }
    }
}
