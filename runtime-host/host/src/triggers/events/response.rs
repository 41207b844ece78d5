//! What a subscriber's response means for the event.

use crate::message::Response;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use std::time::{Duration, SystemTime};
use tessera_events::Outcome;

/// The maximum length of a refusal that is stored for the operator.
const DETAIL_MAX_BYTES: usize = 2_048;

#[expect(clippy::disallowed_methods, reason = "`Retry-After` may be a date")]
pub(super) async fn outcome(response: Response) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return Outcome::Done;
    }
    let retry_after = retry_after(response.headers(), SystemTime::now());
    let detail = format!("{}: {}", status.as_u16(), beginning(response).await);
    Outcome::of_status(status.as_u16(), retry_after, detail)
}

/// The first part of a body, as text.
async fn beginning(response: Response) -> String {
    let mut body = response.into_body();
    let mut bytes = vec![];
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() >= DETAIL_MAX_BYTES {
            bytes.truncate(DETAIL_MAX_BYTES);
            break;
        }
    }
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// `Retry-After`: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::message::full_body;

    fn response(status: u16, body: &str) -> Response {
        let mut response = Response::new(full_body(body.to_owned()));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        response
    }

    #[tokio::test]
    async fn a_refusal_keeps_what_the_subscriber_said_up_to_a_limit() {
        let Outcome::Rejected(detail) = outcome(response(422, "no such sku")).await else {
            panic!("rejected")
        };
        assert_eq!(detail, "422: no such sku");
        let Outcome::Rejected(detail) = outcome(response(400, &"x".repeat(100_000))).await else {
            panic!("rejected")
        };
        assert_eq!(detail.len(), "400: ".len() + DETAIL_MAX_BYTES);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770))
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }
}
