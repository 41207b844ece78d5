//! Request bodies: JSON within a limit, read member by member, with every fault reported at
//! once and pointed at.
//!
//! A serde derive stops at the first fault and can't say what would be right; people who
//! call an API by hand deserve the whole list.

mod fields;

pub use fields::Fields;

use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

/// The largest body that [`JsonBody`] reads, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Extractor for a JSON body: 415 unless `application/json`, 413 over [`BODY_BYTES_MAX`],
/// 400 with line and column if it is not JSON.
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
        if !is_json(request.headers()) {
            let title = "Unsupported media type";
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                title,
            )
            .header(header::ACCEPT, "application/json")
            .detail("Send the body as application/json."));
        }
        let bytes = read_limited(request.into_body(), BODY_BYTES_MAX).await?;
        serde_json::from_slice(&bytes).map(JsonBody).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "malformed-json", "The body is not JSON")
                .detail(error.to_string())
        })
    }
}

/// The whole body, or 413 when it is longer than `bytes_max`. For bodies that are not JSON.
pub async fn read_limited(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_length_limit(error.as_ref()) => {
            let title = "The body is too large";
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", title)
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

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
