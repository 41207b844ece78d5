//! What a component is told about a request, in Spin's header fields.

use super::router::Match;
use crate::engine::Request;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::SocketAddr;

/// The prefix of the fields that only the host may set.
const RESERVED_PREFIX: &str = "spin-";

/// Make the request's URI absolute: guests ask for scheme and authority.
///
/// Errors: a request without a host, or with one that can't be one.
pub(super) fn absolute_uri(
    uri: &Uri,
    headers: &HeaderMap,
    scheme: Scheme,
) -> Result<Uri, &'static str> {
    let host = || headers.get(http::header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let authority = uri.authority().cloned().or_else(host);
    let authority = authority.ok_or("The request names no host, or one that can't be one.")?;
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| "The request's target is not a URL.")
}

/// Tell the component how the request came to it.
pub(super) fn prepare(request: &mut Request, found: &Match<'_>, client: SocketAddr) {
    let full_url = request.uri().to_string();
    let (base, raw) = ("/", found.entry.route.as_ref());
    let component_route = raw.strip_suffix("/...").unwrap_or(raw);
    let pairs = [
        ("spin-full-url", full_url.as_str()),
        ("spin-path-info", found.rest),
        ("spin-matched-route", raw),
        ("spin-raw-component-route", raw),
        ("spin-component-route", component_route),
        ("spin-base-path", base),
        ("spin-client-addr", &client.to_string()),
    ];
    let headers = request.headers_mut();
    remove_reserved(headers);
    for (name, value) in pairs {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in &found.parameters {
        let name = HeaderName::try_from(format!("spin-path-match-{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
}

/// The same for a request of one component to another: its route takes every path.
pub(crate) fn prepare_chained(request: &mut Request) {
    let full_url = HeaderValue::from_str(&request.uri().to_string());
    let path = HeaderValue::from_str(request.uri().path());
    let headers = request.headers_mut();
    remove_reserved(headers);
    if let (Ok(full_url), Ok(path)) = (full_url, path) {
        headers.insert("spin-full-url", full_url);
        headers.insert("spin-path-info", path);
    }
    headers.insert("spin-matched-route", HeaderValue::from_static("/..."));
    headers.insert("spin-raw-component-route", HeaderValue::from_static("/..."));
    headers.insert("spin-component-route", HeaderValue::from_static(""));
    headers.insert("spin-base-path", HeaderValue::from_static("/"));
    headers.insert("spin-client-addr", HeaderValue::from_static("127.0.0.1:0"));
}

/// Fields that a client sent to look like the host's.
fn remove_reserved(headers: &mut HeaderMap) {
    let reserved: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(RESERVED_PREFIX)).cloned().collect();
    for name in reserved {
        headers.remove(name);
    }
}
