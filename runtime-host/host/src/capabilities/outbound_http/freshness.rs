//! Which answers may be given several times, for how long, and to which requests: the rules of
//! RFC 9111 for a shared cache, and stricter ones.
//!
//! A component forwards what users send, so an answer may depend on any field of its request: the
//! whole request is the key, and an answer is only given for an equal one. Requests with credentials
//! or cookies are always sent, and only an answer that says how long it is fresh is kept.

use crate::calls::KEY_MAX_BYTES;
use crate::message::{Request, Response};
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_RANGE, COOKIE, DATE, EXPIRES, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, PRAGMA, PROXY_AUTHORIZATION,
    RANGE, SET_COOKIE, UPGRADE, VARY,
};
use http::{HeaderMap, HeaderName, Method};
use std::time::{Duration, SystemTime};
use tessera_resilience::cache::Lifetime;

/// A request with one of these is sent.
const BYPASS: [HeaderName; 13] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    COOKIE,
    CACHE_CONTROL,
    PRAGMA,
    RANGE,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
    IF_RANGE,
    UPGRADE,
    // It carries users and tenants.
    HeaderName::from_static("baggage"),
];
/// They name this very request, and no answer that is kept may depend on them.
const OF_THE_REQUEST: [&str; 3] = ["traceparent", "tracestate", "x-request-id"];
/// Only answers with these statuses are kept.
const STATUSES: [u16; 6] = [200, 203, 301, 308, 404, 410];

/// All that the answer to a request may depend on. `None` if it has to be sent.
pub(super) fn key(request: &Request) -> Option<Vec<u8>> {
    let headers = request.headers();
    if request.method() != Method::GET
        || !http_body::Body::is_end_stream(request.body())
        || BYPASS.iter().any(|name| headers.contains_key(name))
    {
        return None;
    }
    let mut fields: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !OF_THE_REQUEST.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    // The order of fields with the same name matters.
    fields.sort_by_key(|(name, _)| *name);
    let mut key = request.uri().to_string().into_bytes();
    for (name, value) in fields {
        // No name and no value has these bytes.
        key.push(b'\n');
        key.extend(name.as_bytes());
        key.push(0);
        key.extend(value);
    }
    (key.len() <= KEY_MAX_BYTES).then_some(key)
}

/// For how long an answer may be given. `None` if it is for its request alone.
pub(super) fn lifetime(response: &Response) -> Option<Lifetime> {
    let headers = response.headers();
    let control = Directives::of(headers);
    let is_for_all = STATUSES.contains(&response.status().as_u16())
        && !headers.contains_key(SET_COOKIE)
        && !headers.contains_key(CONTENT_RANGE)
        && !["no-store", "no-cache", "private"].iter().any(|name| control.has(name))
        && !varies_by_what_is_ignored(headers);
    if !is_for_all {
        return None;
    }
    let fresh = control.seconds("s-maxage").or_else(|| control.seconds("max-age"));
    let fresh = fresh.or_else(|| expires(headers))?;
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
    let fresh = fresh.saturating_sub(Duration::from_secs(age.unwrap_or(0)));
    let is_strict =
        ["must-revalidate", "proxy-revalidate", "s-maxage"].iter().any(|name| control.has(name));
    let stale = match is_strict {
        true => Duration::ZERO,
        false => control.seconds("stale-if-error").unwrap_or(Duration::MAX),
    };
    Some(Lifetime { fresh, stale })
}

/// Whether the answer depends on a field that is not in the key.
fn varies_by_what_is_ignored(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(VARY).iter();
    fields.flat_map(|value| value.to_str().unwrap_or("*").split(',')).map(str::trim).any(|name| {
        name == "*" || OF_THE_REQUEST.iter().any(|ignored| name.eq_ignore_ascii_case(ignored))
    })
}

/// The time until `expires`. An invalid value is in the past.
fn expires(headers: &HeaderMap) -> Option<Duration> {
    let time = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok();
    headers.get(EXPIRES)?;
    let (Some(expires), now) = (time(EXPIRES), time(DATE).unwrap_or_else(now)) else {
        return Some(Duration::ZERO);
    };
    Some(expires.duration_since(now).unwrap_or_default())
}

#[expect(clippy::disallowed_methods, reason = "the field contains a time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The directives of `cache-control`.
struct Directives(Vec<(String, String)>);

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(CACHE_CONTROL).iter();
        // What can't be read may forbid anything.
        let texts = fields.map(|value| value.to_str().unwrap_or("no-store"));
        let directives = texts.flat_map(|text| text.split(',')).map(|directive| {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned())
        });
        Self(directives.collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(one, _)| one == name)
    }

    /// A time. An invalid one, and one that is given twice with different values, is none.
    fn seconds(&self, name: &str) -> Option<Duration> {
        let mut values = self.0.iter().filter(|(one, _)| one == name).map(|(_, value)| value);
        let first = values.next()?;
        let seconds = if values.all(|value| value == first) { first.parse().ok() } else { None };
        Some(Duration::from_secs(seconds.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::full_body;

    const S: Duration = Duration::from_secs(1);

    fn request(fields: &[(&'static str, &str)]) -> Request {
        let mut request = Request::new(full_body(""));
        *request.uri_mut() = "http://stock.spin.internal/items?page=2".parse().unwrap();
        for (name, value) in fields {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    fn of(status: u16, fields: &[(&'static str, &str)]) -> Option<Lifetime> {
        let mut response = Response::new(full_body(""));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        lifetime(&response)
    }

    /// Seconds for which an answer with this `cache-control` is fresh.
    fn fresh(control: &str) -> Option<u64> {
        of(200, &[("cache-control", control)]).map(|it| it.fresh.as_secs())
    }

    #[test]
    fn requests_with_credentials_cookies_or_conditions_are_sent() {
        let names = ["authorization", "cookie", "range", "if-none-match", "cache-control"];
        for name in names.into_iter().chain(["pragma", "baggage"]) {
            assert!(key(&request(&[(name, "x")])).is_none(), "{name}");
        }
        let mut post = request(&[]);
        *post.method_mut() = Method::POST;
        assert!(key(&post).is_none());
        assert!(key(&request(&[("x-long", &"a".repeat(KEY_MAX_BYTES))])).is_none());
    }

    #[test]
    fn every_field_of_a_request_is_in_its_key_except_those_that_name_it() {
        let plain = key(&request(&[])).unwrap();
        assert_ne!(key(&request(&[("x-user", "ada")])).unwrap(), plain, "an identity in any field");
        let (ada, bob) = (request(&[("x-user", "ada")]), request(&[("x-user", "bob")]));
        assert_ne!(key(&ada), key(&bob));
        let joined = request(&[("a", "1"), ("b", "2")]);
        assert_ne!(key(&joined), key(&request(&[("a", "1"), ("c", "2")])));
        assert_ne!(key(&request(&[("tessera-attempt", "2")])).unwrap(), plain);
        let traced = request(&[("traceparent", "00-1"), ("x-request-id", "7")]);
        assert_eq!(key(&traced).unwrap(), plain);
        let (one, other) = (request(&[("a", "1"), ("b", "2")]), request(&[("b", "2"), ("a", "1")]));
        assert_eq!(key(&one), key(&other));
        let mut page = request(&[]);
        *page.uri_mut() = "http://stock.spin.internal/items?page=3".parse().unwrap();
        assert_ne!(key(&page).unwrap(), plain);
    }

    #[test]
    fn only_answers_that_say_how_long_they_are_fresh_are_kept() {
        assert_eq!(of(200, &[]), None);
        assert_eq!(of(200, &[("cache-control", "public")]), None);
        assert_eq!(fresh("public, max-age=60"), Some(60));
        assert_eq!(fresh("max-age=60, s-maxage=5"), Some(5));
        assert_eq!(fresh("Max-Age=\"60\""), Some(60));
        assert_eq!(fresh("max-age=x"), Some(0), "an invalid time is none");
        assert_eq!(fresh("max-age=60, max-age=90"), Some(0));
        let aged = of(200, &[("cache-control", "max-age=60"), ("age", "45")]);
        assert_eq!(aged.unwrap().fresh, 15 * S);
        let date = ("date", "Tue, 15 Nov 1994 08:12:31 GMT");
        let expires = of(200, &[date, ("expires", "Tue, 15 Nov 1994 08:12:41 GMT")]);
        assert_eq!(expires.unwrap().fresh, 10 * S);
        assert_eq!(of(200, &[date, ("expires", "0")]).unwrap().fresh, Duration::ZERO);
    }

    #[test]
    fn what_is_for_one_user_or_one_request_is_not_kept() {
        for control in ["private, max-age=60", "no-store, max-age=60", "no-cache=\"a\", max-age=60"]
        {
            assert_eq!(fresh(control), None, "{control}");
        }
        let control = ("cache-control", "max-age=60");
        for field in [("set-cookie", "a=b"), ("vary", "*"), ("vary", "Accept, TraceParent")] {
            assert_eq!(of(200, &[control, field]), None, "{field:?}");
        }
        assert!(of(200, &[control, ("vary", "accept, x-user")]).is_some(), "they are in the key");
        for status in [201, 206, 302, 401, 403, 429, 500, 503] {
            assert_eq!(of(status, &[control]), None, "{status}");
        }
    }

    #[test]
    fn stale_answers_are_given_unless_that_is_forbidden() {
        let stale = |control: &str| of(200, &[("cache-control", control)]).unwrap().stale;
        assert_eq!(stale("max-age=60"), Duration::MAX);
        assert_eq!(stale("max-age=60, stale-if-error=30"), 30 * S);
        for control in ["max-age=60, must-revalidate", "s-maxage=60", "max-age=1, proxy-revalidate"]
        {
            assert_eq!(stale(control), Duration::ZERO, "{control}");
        }
    }
}
