//! What the responses of components and servers say about them, for the policies of calls.

use super::Response;
use crate::calls::{Judge, Judgment, Repeat};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};
use std::time::{Duration, SystemTime};
use tessera_resilience::breaker::Outcome;

impl Judge for Response {
    fn judge(&self) -> Judgment {
        of_status(self.status(), retry_after(self.headers()))
    }
}

/// The error of a component that handled a message is its own.
impl Judge for Result<(), String> {}

fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Judgment {
    let refused = |outcome| Judgment { outcome, repeat: Repeat::IfIdempotent, retry_after };
    match status {
        StatusCode::TOO_MANY_REQUESTS => refused(Outcome::Limited),
        StatusCode::SERVICE_UNAVAILABLE if retry_after.is_some() => refused(Outcome::Overload),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Judgment::failure(Repeat::IfIdempotent)
        }
        // Another attempt would most likely fail, too.
        status if status.is_server_error() => Judgment::failure(Repeat::Never),
        _ => Judgment::SUCCESS,
    }
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
#[expect(clippy::disallowed_methods, reason = "the field may contain a time of day")]
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let date = || {
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    };
    text.parse().ok().map(Duration::from_secs).or_else(date)
}

/// Whether several requests with this method have the effect of one (RFC 9110, section 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE]
        .contains(method)
}

/// The paths of health checks, as Kubernetes and others name them.
const HEALTH_PATHS: [&str; 4] = ["/livez", "/readyz", "/healthz", "/health"];

/// Whether a request asks how a component is.
pub(crate) fn is_health_check(method: &Method, path: &str) -> bool {
    HEALTH_PATHS.contains(&path) && [Method::GET, Method::HEAD].contains(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, retry_after: Option<u64>) -> Judgment {
        let status = StatusCode::from_u16(status).unwrap();
        of_status(status, retry_after.map(Duration::from_secs))
    }

    #[test]
    fn what_the_client_did_wrong_is_no_failure_of_the_server() {
        for status in [200, 204, 304, 400, 401, 403, 404, 409, 422] {
            assert_eq!(judge(status, None), Judgment::SUCCESS, "{status}");
        }
    }

    #[test]
    fn failures_of_gateways_may_be_repeated_and_others_not() {
        for status in [502, 503, 504] {
            assert_eq!(judge(status, None), Judgment::failure(Repeat::IfIdempotent), "{status}");
        }
        for status in [500, 501] {
            assert_eq!(judge(status, None), Judgment::failure(Repeat::Never), "{status}");
        }
    }

    #[test]
    fn a_server_that_asks_to_wait_has_too_many_requests_of_all_or_of_this_client() {
        for (status, outcome) in [(429, Outcome::Limited), (503, Outcome::Overload)] {
            let judgment = judge(status, Some(3));
            assert_eq!(judgment.outcome, outcome, "{status}");
            assert_eq!(judgment.repeat, Repeat::IfIdempotent, "{status}");
            assert_eq!(judgment.retry_after, Some(Duration::from_secs(3)), "{status}");
        }
        assert_eq!(judge(429, None).outcome, Outcome::Limited);
    }

    #[test]
    fn the_time_to_wait_is_in_seconds_or_a_date() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of("3"), Some(Duration::from_secs(3)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let later = of("Mon, 21 Oct 2115 07:28:00 GMT").unwrap();
        assert!(later > Duration::from_secs(86_400 * 365));
        assert_eq!(of("soon"), None);
        assert_eq!(of("-1"), None);
    }

    #[test]
    fn only_reads_of_the_known_paths_are_health_checks() {
        assert!(is_health_check(&Method::GET, "/readyz"));
        assert!(is_health_check(&Method::HEAD, "/livez"));
        for (method, path) in [(Method::POST, "/readyz"), (Method::GET, "/readyz/x")] {
            assert!(!is_health_check(&method, path), "{method} {path}");
        }
    }
}
