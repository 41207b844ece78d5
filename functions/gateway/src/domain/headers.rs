//! Which headers cross the border.
//!
//! Functions behind the gateway believe what only the gateway can have written, so names
//! that carry identity, address or routing are dropped from what comes in, and those that
//! belong to one connection (RFC 9110 section 7.6.1) are dropped both ways.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};

/// Longest request id that is taken over, in characters.
const REQUEST_ID_CHARS_MAX: usize = 128;

/// Belong to one connection.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields about identity, origin and destination, which only the gateway may set.
const OURS: [&str; 14] = [
    "forwarded",
    "via",
    "host",
    "expect",
    "x-real-ip",
    "x-client-ip",
    "x-roles",
    "x-role",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-request-id",
    "true-client-ip",
    "x-internal",
];

/// The same, for every name that begins so.
const OURS_BEGIN: [&str; 9] = [
    "x-forwarded-",
    "x-user-",
    "x-roles-",
    "x-auth-",
    "x-envoy-",
    "x-tessera-",
    "spin-",
    "x-admin-",
    "x-internal-",
];

/// Say what the inside is made of.
const INSIDE: [&str; 3] = ["server", "x-powered-by", "via"];

/// Removes what a request from outside must not bring.
pub fn sanitize_request(headers: &mut HeaderMap) {
    strip_connection(headers);
    retain(headers, |name| {
        !OURS.contains(&name) && !OURS_BEGIN.iter().any(|prefix| name.starts_with(prefix))
    });
}

/// Removes what a response from inside must not carry.
pub fn sanitize_response(headers: &mut HeaderMap) {
    strip_connection(headers);
    retain(headers, |name| !INSIDE.contains(&name) && !name.starts_with("spin-"));
}

/// The request's own id, if it can go into a log line as it is.
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    let fits = (1..=REQUEST_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(plain);
    fits.then(|| id.to_owned())
}

fn strip_connection(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    retain(headers, |name| !HOP_BY_HOP.contains(&name) && !named.iter().any(|n| n == name));
}

fn retain(headers: &mut HeaderMap, keep: impl Fn(&str) -> bool) {
    let dropped: Vec<HeaderName> =
        headers.keys().filter(|name| !keep(name.as_str())).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
}

/// Sets a header if its value can be one.
pub fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn map(names: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in names {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn identity_fields_of_clients_are_removed() {
        let mut headers = map(&[
            ("x-user-id", "usr_1"),
            ("x-user-roles", "admin"),
            ("x-roles", "admin"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-host", "evil"),
            ("forwarded", "for=x"),
            ("spin-client-addr", "1.1.1.1"),
            ("spin-path-info", "/rpc"),
            ("x-real-ip", "1.1.1.1"),
            ("x-envoy-max-retries", "9"),
            ("x-original-url", "/rpc"),
            ("via", "1.1 evil"),
            ("x-http-method-override", "DELETE"),
            ("host", "evil"),
            ("x-request-id", "1"),
            ("authorization", "Bearer t"),
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
            ("traceparent", "00-a-b-01"),
            ("accept", "*/*"),
        ]);
        sanitize_request(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let expected =
            ["accept", "authorization", "content-type", "idempotency-key", "traceparent"];
        assert_eq!(left, expected);
    }

    #[test]
    fn what_belongs_to_a_connection_stays_there() {
        let mut headers = map(&[
            ("connection", "close, X-Secret"),
            ("connection", "authorization"),
            ("x-secret", "1"),
            ("authorization", "Bearer t"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "5"),
            ("proxy-authorization", "x"),
            ("accept", "*/*"),
        ]);
        sanitize_request(&mut headers);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn responses_do_not_describe_the_implementation() {
        let mut headers = map(&[
            ("server", "x"),
            ("spin-component", "y"),
            ("connection", "etag"),
            ("etag", "\"1\""),
            ("set-cookie", "a=b"),
            ("set-cookie", "c=d"),
            ("content-type", "text/event-stream"),
        ]);
        sanitize_response(&mut headers);
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(headers.keys_len(), 2);
    }

    #[test]
    fn an_id_is_taken_over_only_if_it_is_plain() {
        let id = |value: &str| request_id(&map(&[("x-request-id", value)]));
        assert_eq!(id("a-1_b.C"), Some("a-1_b.C".to_owned()));
        for value in ["", "a b", "a\"b", "{}", &"a".repeat(129)] {
            assert_eq!(id(value), None, "{value}");
        }
    }
}
