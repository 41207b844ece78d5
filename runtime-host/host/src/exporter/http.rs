//! OTLP over HTTP with Protocol Buffers.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use super::settings::Target;
use super::transport::{Accepted, Answer, Failure, accepted};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request};
use http_body_util::Full;
use std::time::{Duration, SystemTime};

pub(super) fn request(target: &Target, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request =
        Request::post(target.uri.clone()).header(CONTENT_TYPE, "application/x-protobuf");
    if target.gzip {
        request = request.header(CONTENT_ENCODING, "gzip");
    }
    Ok(request.body(Full::new(body))?)
}

pub(super) fn judge(answer: &Answer) -> Result<Accepted, Failure> {
    let status = answer.head.status;
    if status.is_success() {
        return Ok(accepted(&answer.body));
    }
    let repeats = matches!(status.as_u16(), 429 | 502 | 503 | 504);
    let repeat = repeats.then(|| retry_after(&answer.head.headers));
    Err(Failure { reason: format!("its response was {status}"), repeat })
}

/// How long the collector asks to wait.
#[expect(clippy::disallowed_methods, reason = "the field may have a date")]
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
