//! Spin's header fields, which describe a request to its component.

use super::Request;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// The domain of all components of the application, for requests between them.
pub(crate) const INTERNAL: &str = ".spin.internal";
/// The prefix of the fields that only the host may set.
const RESERVED_PREFIX: &str = "spin-";
/// The prefix of the fields of a route's parameters.
pub(crate) const PATH_MATCH_PREFIX: &str = "spin-path-match-";
/// Fields that every request gets, on any route.
pub(crate) const FIELDS_PER_REQUEST: usize = 7;

pub(crate) const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
pub(crate) const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
pub(crate) const MATCHED: HeaderName = HeaderName::from_static("spin-matched-route");
pub(crate) const RAW_COMPONENT: HeaderName = HeaderName::from_static("spin-raw-component-route");
pub(crate) const COMPONENT: HeaderName = HeaderName::from_static("spin-component-route");
pub(crate) const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
pub(crate) const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");

/// Adds the fields of a request from one component to another: its route takes every path. They are
/// those of stock Spin, which gives such a request no host and no client.
pub(crate) fn prepare_chained(request: &mut Request) {
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let full_url = text(&format!("http://localhost{path}"));
    let path = text(request.uri().path());
    let headers = request.headers_mut();
    remove_reserved(headers);
    headers.remove(HOST);
    headers.reserve(FIELDS_PER_REQUEST);
    if let (Some(full_url), Some(path)) = (full_url, path) {
        headers.insert(PATH_INFO, path);
        headers.insert(FULL_URL, full_url);
    }
    headers.insert(MATCHED, HeaderValue::from_static("/..."));
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    headers.insert(RAW_COMPONENT, HeaderValue::from_static("/..."));
    headers.insert(COMPONENT, HeaderValue::from_static(""));
    headers.insert(CLIENT_ADDR, HeaderValue::from_static("0.0.0.0:0"));
}

/// Whether only the host may set a field, whose name is in lowercase.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED_PREFIX)
}

/// Removes fields that a client sent to look like the host's.
pub(crate) fn remove_reserved(headers: &mut HeaderMap) {
    // Usually there are none, and then each name is compared once.
    while let Some(name) = headers.keys().find(|name| is_reserved(name.as_str())).cloned() {
        headers.remove(name);
    }
}

/// The value of a field; none if it has characters that a field may not have.
pub(crate) fn text(value: &str) -> Option<HeaderValue> {
    match value {
        "" => Some(HeaderValue::from_static("")),
        "/" => Some(HeaderValue::from_static("/")),
        value => HeaderValue::from_bytes(value.as_bytes()).ok(),
    }
}

/// The URL as the value of a field. `Uri`'s own `Display` would go through a formatter for each
/// part.
pub(crate) fn full_url(uri: &Uri) -> Option<HeaderValue> {
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut url = String::with_capacity(scheme.len() + 3 + authority.len() + path.len());
    for part in [scheme, "://", authority, path] {
        url.push_str(part);
    }
    HeaderValue::try_from(url).ok()
}
