//! Redirects of a request: stock Spin follows those of `fermyon:spin/http`.

use crate::capabilities::outbound_http::{is_inside, is_of_component};
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION,
    PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use url::Url;

/// Redirects of one request that are followed.
pub(super) const REDIRECTS_MAX: usize = 10;

/// A request that can be sent again.
#[derive(Debug, Clone)]
pub(super) struct Repeatable {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Repeatable {
    /// The request to where a response leads. None if it leads nowhere.
    pub(super) fn redirected(&self, status: StatusCode, fields: &HeaderMap) -> Option<Self> {
        let keeps_body = match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method != Method::POST,
            StatusCode::SEE_OTHER => false,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            _ => return None,
        };
        if is_of_component(&self.uri) {
            return None;
        }
        let from = absolute(&self.uri)?;
        let mut to = from.join(fields.get(LOCATION)?.to_str().ok()?).ok()?;
        to.set_fragment(None);
        let mut next = Self { uri: to.as_str().parse().ok()?, ..self.clone() };
        if !keeps_body {
            next.body = Bytes::new();
            if next.method != Method::HEAD {
                next.method = Method::GET;
            }
            for name in [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
                next.headers.remove(name);
            }
        }
        if from.origin() != to.origin() {
            // No other server chooses what is requested inside of the application.
            if is_inside(&next.uri) {
                return None;
            }
            // They are for the server that the guest has named.
            for name in [AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION] {
                next.headers.remove(name);
            }
        }
        match referer(from, &to) {
            Some(referer) => next.headers.insert(REFERER, referer),
            None => next.headers.remove(REFERER),
        };
        Some(next)
    }
}

/// Where a redirect comes from, for its target. Not sent over a connection that others can read if
/// the redirect came over one that they can't.
fn referer(mut from: Url, to: &Url) -> Option<HeaderValue> {
    if from.scheme() == "https" && to.scheme() == "http" {
        return None;
    }
    from.set_username("").and_then(|()| from.set_password(None)).ok()?;
    from.as_str().parse().ok()
}

/// A URI without a host means the application itself.
fn absolute(uri: &Uri) -> Option<Url> {
    match uri.host() {
        Some(_) => Url::parse(&uri.to_string()).ok(),
        None => Url::parse("http://self").ok()?.join(uri.path_and_query()?.as_str()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(uri: &'static str) -> Repeatable {
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, CONTENT_TYPE, HOST] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let (uri, body) = (Uri::from_static(uri), Bytes::from_static(b"body"));
        Repeatable { method: Method::POST, uri, headers, body }
    }

    fn led(from: &'static str, status: u16, location: &'static str) -> Option<Repeatable> {
        let fields = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
        post(from).redirected(StatusCode::from_u16(status).unwrap(), &fields)
    }

    #[test]
    fn a_location_is_relative_to_the_request() {
        for (from, location, to) in [
            ("http://a.test/b/c?d", "e", "http://a.test/b/e"),
            ("http://a.test/b/c", "/e#part", "http://a.test/e"),
            ("http://a.test/b", "https://f.test/", "https://f.test/"),
            ("/own/path", "other", "http://self/own/other"),
        ] {
            assert_eq!(led(from, 302, location).unwrap().uri, to, "{from} {location}");
        }
    }

    #[test]
    fn a_location_inside_of_the_application_is_not_followed() {
        for (from, location, is_followed) in [
            ("/own/path", "/other", true),
            ("http://a.test/", "http://self/other", false),
            ("http://a.test/", "http://b.spin.internal/", false),
            ("http://b.spin.internal/", "/other", false),
        ] {
            assert_eq!(led(from, 302, location).is_some(), is_followed, "{from} {location}");
        }
    }

    #[test]
    fn the_status_decides_about_method_and_body() {
        for (status, method, body) in [
            (301, Method::GET, ""),
            (302, Method::GET, ""),
            (303, Method::GET, ""),
            (307, Method::POST, "body"),
            (308, Method::POST, "body"),
        ] {
            let next = led("http://a.test/", status, "/b").unwrap();
            assert_eq!((next.method, next.body), (method, Bytes::from(body)), "{status}");
            assert_eq!(next.headers.contains_key(CONTENT_TYPE), !body.is_empty(), "{status}");
        }
        for status in [200, 300, 304, 404] {
            assert!(led("http://a.test/", status, "/b").is_none(), "{status}");
        }
    }

    #[test]
    fn the_target_is_told_where_it_was_named() {
        for (from, location, referer) in [
            ("http://a.test/b?c", "/d", Some("http://a.test/b?c")),
            ("https://a.test/b", "https://f.test/", Some("https://a.test/b")),
            ("http://user:password@a.test/b", "https://f.test/", Some("http://a.test/b")),
            ("https://a.test/b", "http://a.test/b", None),
        ] {
            let next = led(from, 302, location).unwrap();
            let sent = next.headers.get(REFERER).map(|value| value.to_str().unwrap());
            assert_eq!(sent, referer, "{from} {location}");
        }
    }

    #[test]
    fn another_server_gets_no_credentials_and_no_host() {
        for (location, kept) in
            [("/b", true), ("http://a.test:81/", false), ("http://b.test/", false)]
        {
            let next = led("http://a.test/", 302, location).unwrap();
            for name in [AUTHORIZATION, HOST] {
                assert_eq!(next.headers.contains_key(&name), kept, "{name} {location}");
            }
        }
    }
}
