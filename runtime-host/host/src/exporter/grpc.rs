//! OTLP over gRPC, with as much of gRPC as one unary call needs.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use super::http as plain;
use super::settings::Target;
use super::transport::{Accepted, Answer, Failure, accepted};
use crate::telemetry::otlp::{Field, Signal, fields};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri};
use http_body_util::Full;
use std::time::Duration;

/// Before each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
const OK: u16 = 0;
const RESOURCE_EXHAUSTED: u16 = 8;
/// Those that OTLP lets clients repeat: cancelled, deadline exceeded, aborted, out of range,
/// unavailable, data loss.
const REPEATABLE: [u16; 6] = [1, 4, 10, 11, 14, 15];

pub(super) fn request(
    signal: Signal,
    target: &Target,
    message: &Bytes,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut body = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    body.put_u8(target.gzip.into());
    body.put_u32(u32::try_from(message.len())?);
    body.put_slice(message);
    let mut parts = target.uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(method(signal)));
    let mut request = Request::post(Uri::from_parts(parts)?)
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header("grpc-timeout", format!("{}m", target.timeout.as_millis().min(99_999_999)));
    if target.gzip {
        request = request.header("grpc-encoding", "gzip");
    }
    Ok(request.body(Full::new(body.freeze()))?)
}

fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

pub(super) fn judge(answer: &Answer) -> Result<Accepted, Failure> {
    // A response without a message has everything in its head.
    let fields = match answer.head.headers.contains_key("grpc-status") {
        true => &answer.head.headers,
        false => &answer.trailers,
    };
    let Some(status) = text(fields, "grpc-status").and_then(|status| status.parse().ok()) else {
        return match answer.head.status.is_success() {
            // Another response would have the same length.
            true if answer.is_too_long => {
                Err(Failure { reason: "its response is too long".to_owned(), repeat: None })
            }
            true => Err(Failure::to_repeat("its response has no `grpc-status`")),
            false => plain::judge(answer),
        };
    };
    if status == OK {
        return Ok(accepted(answer.body.get(PREFIX_BYTES..).unwrap_or_default()));
    }
    let wait = retry_delay(fields);
    let repeats = REPEATABLE.contains(&status) || (status == RESOURCE_EXHAUSTED && wait.is_some());
    let message = text(fields, "grpc-message").unwrap_or_default();
    let message = percent_encoding::percent_decode_str(message).decode_utf8_lossy();
    let reason = format!("its response was the gRPC status {status} {message}");
    Err(Failure { reason: reason.trim_end().to_owned(), repeat: repeats.then_some(wait) })
}

fn text<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    fields.get(name)?.to_str().ok()
}

/// `google.rpc.RetryInfo` in the details of a status.
fn retry_delay(headers: &HeaderMap) -> Option<Duration> {
    let details = text(headers, "grpc-status-details-bin")?;
    let details = STANDARD.decode(details).or_else(|_| STANDARD_NO_PAD.decode(details)).ok()?;
    fields(&details).filter(|(number, _)| *number == 3).find_map(|(_, detail)| {
        let Field::Bytes(detail) = detail else { return None };
        let is_retry_info = |(number, field): (u64, Field<'_>)| {
            matches!(field, Field::Bytes(name) if number == 1 && name.ends_with(b"RetryInfo"))
        };
        if !fields(detail).any(is_retry_info) {
            return None;
        }
        let info = member(detail, 2)?;
        let delay = member(info, 1)?;
        let number = |wanted| {
            fields(delay).find_map(|(number, field)| match field {
                Field::Number(value) if number == wanted => Some(value),
                _ => None,
            })
        };
        let seconds = Duration::from_secs(number(1).unwrap_or(0));
        Some(seconds + Duration::from_nanos(number(2).unwrap_or(0).min(999_999_999)))
    })
}

fn member(message: &[u8], wanted: u64) -> Option<&[u8]> {
    fields(message).find_map(|(number, field)| match field {
        Field::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::otlp::Message;
    use http::HeaderValue;

    fn answer(status: &str, details: Option<&[u8]>) -> Answer {
        let (head, ()) = http::Response::new(()).into_parts();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_str(status).unwrap());
        if let Some(details) = details {
            let text = STANDARD_NO_PAD.encode(details);
            let text = HeaderValue::from_str(&text).unwrap();
            trailers.insert("grpc-status-details-bin", text);
        }
        Answer { head, body: Bytes::from_static(&[0; 5]), trailers, is_too_long: false }
    }

    fn repeat(answer: &Answer) -> Option<Option<Duration>> {
        judge(answer).unwrap_err().repeat
    }

    #[test]
    fn only_passing_failures_are_repeated() {
        assert_eq!(judge(&answer("0", None)), Ok(Accepted::default()));
        assert_eq!(repeat(&answer("14", None)), Some(None));
        for status in ["3", "8", "12", "16"] {
            assert_eq!(repeat(&answer(status, None)), None, "{status}");
        }
    }

    #[test]
    fn a_response_that_is_too_long_is_no_reason_to_repeat() {
        let mut answer = answer("0", None);
        answer.trailers.clear();
        assert_eq!(repeat(&answer), Some(None));
        answer.is_too_long = true;
        assert_eq!(repeat(&answer), None);
    }

    #[test]
    fn a_collector_can_say_when_to_come_again() {
        let status = Message::of(|status| {
            status.number(1, 8);
            status.nested(3, |any| {
                any.text(1, "type.googleapis.com/google.rpc.RetryInfo");
                any.nested(2, |info| {
                    info.nested(1, |delay| {
                        delay.number(1, 2);
                        delay.number(2, 500_000_000);
                    });
                });
            });
        });
        let answer = answer("8", Some(status.as_bytes()));
        assert_eq!(repeat(&answer), Some(Some(Duration::from_millis(2_500))));
    }
}
