//! Request bodies: JSON within a limit, read member by member, with every fault reported at
//! once and pointed at.
//!
//! A serde derive stops at the first fault and can't say what would be right; people who
//! call an API by hand deserve the whole list.

mod fields;
mod json;

pub use fields::Fields;
pub use json::from_slice as unique_json;

use crate::problem::{Problem, ProblemType};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// The largest body that [`JsonBody`] reads, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Extractor for a JSON body: 415 unless `application/json`, 413 over [`BODY_BYTES_MAX`], 400 with
/// line and column if it is not JSON or has a duplicate member.
#[derive(Clone, Debug)]
pub struct JsonBody(pub Value);

impl JsonBody {
    /// The members of the body, to be read one by one.
    pub fn fields(&self) -> Fields<'_> {
        Fields::root(&self.0)
    }
}

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody, Problem> {
        JsonBody::read(request, BODY_BYTES_MAX).await
    }
}

/// The same for documents: 413 over `BYTES_MAX`.
#[derive(Clone, Debug)]
pub struct JsonDocument<const BYTES_MAX: usize>(pub JsonBody);

impl<S: Sync, const BYTES_MAX: usize> FromRequest<S> for JsonDocument<BYTES_MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        JsonBody::read(request, BYTES_MAX).await.map(Self)
    }
}

impl JsonBody {
    async fn read(request: Request, bytes_max: usize) -> Result<JsonBody, Problem> {
        if media_type(request.headers()) != JSON {
            return Err(Problem::new(ProblemType::UnsupportedMediaType)
                .header(header::ACCEPT, "application/json")
                .detail("Send the body as application/json."));
        }
        let bytes = read_limited(request.into_body(), bytes_max).await?;
        unique_json(&bytes)
            .map(JsonBody)
            .map_err(|error| Problem::new(ProblemType::MalformedJson).detail(error.to_string()))
    }
}

/// The whole body, or 413 when it is longer than `bytes_max`. For bodies that are not JSON.
pub async fn read_limited(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_length_limit(error.as_ref()) => {
            Err(Problem::new(ProblemType::BodyTooLarge)
                .detail(format!("At most {bytes_max} bytes are read.")))
        }
        Err(_) => Err(Problem::bad_request("The body broke off before its end.")),
    }
}

fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The media type of the body, in lower case and without parameters; empty if the headers have
/// none. All code that parses bodies uses this, so that all agree on the type.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
