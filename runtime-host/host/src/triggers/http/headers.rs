//! Spin's header fields, which describe a request to its component.

use super::router::Match;
use crate::engine::Request;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::SocketAddr;

/// The prefix of the fields that only the host may set.
const RESERVED_PREFIX: &str = "spin-";
/// Fields that every request gets, on any route.
const FIELDS_PER_REQUEST: usize = 7;

const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const MATCHED: HeaderName = HeaderName::from_static("spin-matched-route");
const RAW_COMPONENT: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT: HeaderName = HeaderName::from_static("spin-component-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// Check the fields that decide where a request goes and where it ends: if there are several of one
/// name, readers may use different ones.
pub(super) fn check(headers: &HeaderMap) -> Result<(), &'static str> {
    let is_repeated = |name: HeaderName| headers.get_all(name).iter().nth(1).is_some();
    if is_repeated(HOST) {
        return Err("The request has several `Host` fields.");
    }
    if is_repeated(CONTENT_LENGTH) {
        return Err("The request has several `Content-Length` fields.");
    }
    Ok(())
}

/// Make the request's URI absolute: guests ask for scheme and authority.
///
/// Errors: a request without a host, with one that can't be one, or with a user name in it.
pub(super) fn absolute_uri(
    uri: &Uri,
    headers: &HeaderMap,
    scheme: Scheme,
) -> Result<Uri, &'static str> {
    let host = || Authority::try_from(headers.get(HOST)?.as_bytes()).ok();
    let authority = uri.authority().cloned().or_else(host);
    let authority = authority.ok_or("The request names no host, or one that can't be one.")?;
    if authority.as_str().contains('@') {
        return Err("The request's host contains a user name.");
    }
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| "The request's target is not a URL.")
}

/// Add the fields for one request. `uri` is absolute.
pub(super) fn prepare(headers: &mut HeaderMap, uri: &Uri, found: &Match<'_>, client: &HeaderValue) {
    remove_reserved(headers);
    let route = &found.entry.fields;
    headers.reserve(FIELDS_PER_REQUEST + found.parameters.len());
    if let Some(full_url) = full_url(uri) {
        headers.insert(FULL_URL, full_url);
    }
    if let Some(rest) = text(found.rest) {
        headers.insert(PATH_INFO, rest);
    }
    for (name, value) in
        [(MATCHED, &route.raw), (RAW_COMPONENT, &route.raw), (COMPONENT, &route.component)]
    {
        if let Some(value) = value {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    headers.insert(CLIENT_ADDR, client.clone());
    for (name, value) in &found.parameters {
        let name = HeaderName::try_from(format!("spin-path-match-{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

/// The fields of all requests to one route, created once.
#[derive(Debug)]
pub(super) struct RouteFields {
    raw: Option<HeaderValue>,
    component: Option<HeaderValue>,
}

impl RouteFields {
    pub(super) fn new(route: &str) -> Self {
        let component = route.strip_suffix("/...").unwrap_or(route);
        Self { raw: text(route), component: text(component) }
    }
}

/// Who asks, as a field's value: the same for all requests of a connection.
pub(super) fn client_address(client: SocketAddr) -> HeaderValue {
    // An address has no character that a field may not have.
    HeaderValue::try_from(client.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// None if it has characters that a field may not have.
fn text(value: &str) -> Option<HeaderValue> {
    match value {
        "" => Some(HeaderValue::from_static("")),
        "/" => Some(HeaderValue::from_static("/")),
        value => HeaderValue::from_str(value).ok(),
    }
}

/// Written in one go: `Uri`'s own `Display` goes through a formatter, part by part.
fn full_url(uri: &Uri) -> Option<HeaderValue> {
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut url = String::with_capacity(scheme.len() + 3 + authority.len() + path.len());
    for part in [scheme, "://", authority, path] {
        url.push_str(part);
    }
    HeaderValue::try_from(url).ok()
}

/// The same for a request of one component to another: its route takes every path.
pub(crate) fn prepare_chained(request: &mut Request) {
    let full_url = full_url(request.uri());
    let path = text(request.uri().path());
    let headers = request.headers_mut();
    remove_reserved(headers);
    headers.reserve(FIELDS_PER_REQUEST);
    if let (Some(full_url), Some(path)) = (full_url, path) {
        headers.insert(FULL_URL, full_url);
        headers.insert(PATH_INFO, path);
    }
    headers.insert(MATCHED, HeaderValue::from_static("/..."));
    headers.insert(RAW_COMPONENT, HeaderValue::from_static("/..."));
    headers.insert(COMPONENT, HeaderValue::from_static(""));
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    headers.insert(CLIENT_ADDR, HeaderValue::from_static("127.0.0.1:0"));
}

/// Fields that a client sent to look like the host's.
fn remove_reserved(headers: &mut HeaderMap) {
    let is_reserved = |name: &&HeaderName| name.as_str().starts_with(RESERVED_PREFIX);
    // As a rule there are none, and then this is one look at each name.
    while let Some(name) = headers.keys().find(is_reserved).cloned() {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(of: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &'static str)| {
            (name.clone(), HeaderValue::from_static(value))
        };
        of.iter().map(pair).collect()
    }

    #[test]
    fn where_a_request_goes_and_ends_is_told_once() {
        let usual = [(HOST, "shop.test"), (CONTENT_LENGTH, "2")];
        assert_eq!(check(&fields(&usual)), Ok(()));
        for more in usual.clone() {
            let repeated = fields(&[&usual[..], &[more]].concat());
            assert!(check(&repeated).is_err(), "{repeated:?}");
        }
    }

    #[test]
    fn a_host_is_an_authority_without_a_user_name() {
        let path = Uri::from_static("/path?query");
        let absolute = |host| absolute_uri(&path, &fields(&[(HOST, host)]), Scheme::HTTP);
        assert_eq!(absolute("shop.test:80").unwrap(), "http://shop.test:80/path?query");
        for host in ["", "a b", "localhost:80@evil.test", "user@shop.test"] {
            assert!(absolute(host).is_err(), "{host}");
        }
        let target = Uri::from_static("http://localhost@evil.test/");
        assert!(absolute_uri(&target, &HeaderMap::new(), Scheme::HTTP).is_err());
    }
}
