//! Pages of other origins (CORS). None are allowed unless the setting names them.

/// Request headers that such pages may send.
pub const HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, \
    last-event-id, traceparent, tracestate, x-projection-position, x-request-id";
/// Response headers that they may read.
pub const EXPOSED: &str = "etag, location, ratelimit, ratelimit-policy, retry-after, x-request-id, idempotency-replayed, \
    x-projection-position";
/// How long they may remember a preflight. Seconds.
pub const AGE_S: &str = "600";

/// The origin to name in the response, if it is one of those allowed: origins separated by
/// spaces or commas, each exactly as browsers send it. There is no `*`.
pub fn allowed<'a>(setting: &str, origin: Option<&'a str>) -> Option<&'a str> {
    let origin = origin?;
    let mut known = setting.split([' ', ',']).filter(|one| !one.is_empty() && *one != "*");
    known.any(|one| one == origin).then_some(origin)
}

/// Whether responses depend on `Origin`. Caches must know this even if the response names no
/// origin.
pub fn is_used(setting: &str) -> bool {
    setting.split([' ', ',']).any(|one| !one.is_empty() && one != "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_origins_are_allowed() {
        let setting = "https://a.test, https://b.test:8443";
        assert_eq!(allowed(setting, Some("https://a.test")), Some("https://a.test"));
        assert_eq!(allowed(setting, Some("https://b.test:8443")), Some("https://b.test:8443"));
        for origin in ["https://a.test.evil", "http://a.test", "null", "", "*", "https://b.test"] {
            assert_eq!(allowed(setting, Some(origin)), None, "{origin}");
        }
        assert_eq!(allowed("", Some("https://a.test")), None);
        assert_eq!(allowed("*", Some("*")), None);
        assert_eq!(allowed(setting, None), None);
    }
}
