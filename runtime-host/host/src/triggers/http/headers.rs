//! Spin's header fields, which describe a request to its component.

use super::router::Match;
use crate::message::spin_fields::{
    BASE_PATH, CLIENT_ADDR, COMPONENT, FIELDS_PER_REQUEST, FULL_URL, INTERNAL, MATCHED, PATH_INFO,
    PATH_MATCH_PREFIX, RAW_COMPONENT, full_url, remove_reserved, text,
};
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::SocketAddr;

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
/// Errors: a request without a host, with one that can't be one, with two different ones, with a user
/// name in it, or with one that stands for requests between components.
pub(super) fn absolute_uri(
    uri: &Uri,
    headers: &HeaderMap,
    scheme: Scheme,
) -> Result<Uri, &'static str> {
    let host = headers.get(HOST).map(|host| Authority::try_from(host.as_bytes())).transpose();
    let host = host.map_err(|_| "The request's host can't be one.")?;
    let authority = match (uri.authority().cloned(), host) {
        (Some(target), Some(host)) if target != host => {
            return Err("The request's target and its `Host` field name different hosts.");
        }
        (target, host) => target.or(host).ok_or("The request names no host.")?,
    };
    if authority.as_str().contains('@') {
        return Err("The request's host contains a user name.");
    }
    // A component may trust requests that seem to come from another one.
    if is_internal(authority.host()) {
        return Err("The request's host is that of requests between components.");
    }
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| "The request's target is not a URL.")
}

fn is_internal(host: &str) -> bool {
    let domain = host.len().checked_sub(INTERNAL.len()).and_then(|start| host.get(start..));
    domain.is_some_and(|domain| domain.eq_ignore_ascii_case(INTERNAL))
}

/// Add the fields for one request. `uri` is absolute.
pub(super) fn prepare(headers: &mut HeaderMap, uri: &Uri, found: &Match<'_>, client: &HeaderValue) {
    remove_reserved(headers);
    let route = &found.entry.fields;
    headers.reserve(FIELDS_PER_REQUEST + found.parameters.len());
    // In the order of stock Spin.
    let (path_info, full_url) = (text(&found.rest), full_url(uri));
    let base_path = Some(HeaderValue::from_static("/"));
    for (name, value) in [
        (PATH_INFO, &path_info),
        (FULL_URL, &full_url),
        (MATCHED, &route.matched),
        (BASE_PATH, &base_path),
        (RAW_COMPONENT, &route.raw),
        (COMPONENT, &route.component),
    ] {
        if let Some(value) = value {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(CLIENT_ADDR, client.clone());
    for (name, value) in &found.parameters {
        let name = HeaderName::try_from(format!("{PATH_MATCH_PREFIX}{}", name.replace('_', "-")));
        if let (Ok(name), Some(value)) = (name, text(value)) {
            headers.insert(name, value);
        }
    }
}

/// The fields of all requests to one route, created once.
#[derive(Debug)]
pub(super) struct RouteFields {
    matched: Option<HeaderValue>,
    raw: Option<HeaderValue>,
    component: Option<HeaderValue>,
}

impl RouteFields {
    pub(super) fn new(route: &str) -> Self {
        let component = route.strip_suffix("/...").unwrap_or(route);
        let matched = format!("/{}", route.strip_prefix('/').unwrap_or(route));
        let matched = matched.strip_suffix('/').unwrap_or(&matched);
        Self { matched: text(matched), raw: text(route), component: text(component) }
    }
}

/// The client's address as the value of a field, the same for all requests of a connection.
pub(super) fn client_address(client: SocketAddr) -> HeaderValue {
    // An address has no character that a field may not have.
    HeaderValue::try_from(client.to_string()).unwrap_or(HeaderValue::from_static(""))
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
    fn repeated_host_and_length_fields_are_refused() {
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
        for host in ["", "a b", "localhost:80@evil.test", "user@shop.test", "a.Spin.internal:80"] {
            assert!(absolute(host).is_err(), "{host}");
        }
        let target = Uri::from_static("http://localhost@evil.test/");
        assert!(absolute_uri(&target, &HeaderMap::new(), Scheme::HTTP).is_err());
    }

    #[test]
    fn a_target_may_repeat_the_host_and_not_name_another_one() {
        let target = Uri::from_static("https://shop.test/path");
        let absolute = |host| absolute_uri(&target, &fields(&[(HOST, host)]), Scheme::HTTP);
        assert_eq!(absolute("SHOP.test").unwrap(), "http://shop.test/path");
        for host in ["other.test", "shop.test:80", ""] {
            assert!(absolute(host).is_err(), "{host}");
        }
        assert_eq!(
            absolute_uri(&target, &HeaderMap::new(), Scheme::HTTP).unwrap().host(),
            Some("shop.test")
        );
    }
}
