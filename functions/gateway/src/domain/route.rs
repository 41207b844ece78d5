//! What a route says, and how a request finds its own.

use super::quota::Limit;
use http::Method;

/// One entry of the [table](super::table): everything that the gateway has to know to let a
/// request through.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    /// Literal segments, `{name}` for any one segment, `{*name}` at the end for one or more.
    pub path: &'static str,
    /// Names the operation in the OpenAPI document; none for what is no API.
    pub operation: Option<&'static str>,
    pub target: Target,
    pub access: Access,
    /// The scope that third-party applications need; `None` if they may not use the route. Only for
    /// routes that need a token.
    pub scope: Option<&'static str>,
    pub limit: Limit,
    /// Longest request body in bytes. With 0, no body is forwarded.
    pub body_bytes_max: u64,
    /// How long the head of the answer may take. Milliseconds. Bodies, and so event streams,
    /// take as long as they take.
    pub timeout_ms: u64,
}

impl Route {
    /// Whether a body other than an empty one or `{}` is refused: functions would ignore it. The
    /// body of a request that only reads has no meaning (RFC 9110, section 9.3.1) and is dropped.
    pub fn refuses_content(&self) -> bool {
        self.body_bytes_max == 0 && self.method != Method::GET
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This component, under the same path.
    Component(&'static str),
    /// This component, under another path.
    Renamed(&'static str, &'static str),
    /// The gateway: I am alive.
    Liveness,
    /// The gateway: I and all behind me can serve.
    Readiness,
    /// The gateway: the description of the API.
    Description,
    /// The gateway: all problem types.
    Problems,
    /// The gateway: the problem type that the path names.
    Problem,
}

impl Target {
    /// The component that answers, if it is not the gateway.
    pub fn component(self) -> Option<&'static str> {
        match self {
            Self::Component(name) | Self::Renamed(name, _) => Some(name),
            Self::Liveness
            | Self::Readiness
            | Self::Description
            | Self::Problems
            | Self::Problem => None,
        }
    }
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a token is not looked at and not passed on.
    Public,
    /// Everyone; `Authorization` identifies the OAuth client and is forwarded.
    Client,
    /// Everybody; a token is checked if there is one, and passed on.
    Optional,
    /// Whoever has a valid access token.
    User,
    /// Whoever has one with the role `admin`.
    Admin,
    /// Requests from the local machine, and administrators.
    Local,
}

/// What a request found.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    Route(&'a Route),
    /// The path exists, the method doesn't: what `Allow` says.
    OtherMethods(String),
    Nothing,
}

/// Finds the route of a request. `HEAD` follows `GET`. A path is matched against literal
/// segments before parameters, so the order of the table means nothing.
pub fn find<'a>(routes: &'a [Route], method: &Method, path: &str) -> Found<'a> {
    let best = routes.iter().filter_map(|route| Some((matches(route.path, path)?, route.path)));
    let Some((_, pattern)) = best.max_by_key(|(literals, _)| *literals) else {
        return Found::Nothing;
    };
    let siblings = || routes.iter().filter(|route| route.path == pattern);
    let wanted = if method == Method::HEAD { &Method::GET } else { method };
    match siblings().find(|route| route.method == wanted) {
        Some(route) => Found::Route(route),
        None => Found::OtherMethods(allow(siblings().map(|route| &route.method))),
    }
}

fn allow<'a>(methods: impl Iterator<Item = &'a Method>) -> String {
    let mut names: Vec<&str> = vec!["OPTIONS"];
    for method in methods {
        names.push(method.as_str());
        if method == Method::GET {
            names.push("HEAD");
        }
    }
    names.sort_unstable();
    names.join(", ")
}

/// Whether the path is like the pattern up to the first parameter: most routes are told from
/// it by their first few bytes, and then need not be taken apart.
fn begins_alike(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    let alike = pattern.iter().zip(path).take_while(|(a, b)| a == b && **a != b'{').count();
    match pattern.get(alike) {
        Some(next) => *next == b'{',
        None => alike == path.len(),
    }
}

/// How many segments of the pattern are literal, if the path fits it.
fn matches(pattern: &str, path: &str) -> Option<usize> {
    if !begins_alike(pattern, path) {
        return None;
    }
    let mut segments = path.split('/');
    let mut literals = 0;
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        match parameter(expected) {
            Some(name) if segment.is_empty() => return rest(name, segments.next()).then_some(0),
            Some(name) if name.starts_with('*') => return Some(literals),
            Some(_) => {}
            None if expected == segment => literals += 1,
            None => return None,
        }
    }
    segments.next().is_none().then_some(literals)
}

/// May nothing stand for this parameter? Only a rest may be empty, and only at the end:
/// `/mailbox/` is `/mailbox/{*path}`.
fn rest(name: &str, following: Option<&str>) -> bool {
    name.starts_with('*') && following.is_none()
}

fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn route(method: Method, path: &'static str) -> Route {
        Route {
            method,
            path,
            operation: None,
            target: Target::Component("c"),
            access: Access::Public,
            scope: None,
            limit: Limit::None,
            body_bytes_max: 0,
            timeout_ms: 1,
        }
    }

    fn routes() -> Vec<Route> {
        vec![
            route(Method::GET, "/a/{id}"),
            route(Method::PUT, "/a/{id}"),
            route(Method::GET, "/a/me"),
            route(Method::GET, "/a/{id}/b"),
            route(Method::GET, "/page/{*rest}"),
        ]
    }

    fn found(method: Method, path: &str) -> String {
        match find(&routes(), &method, path) {
            Found::Route(route) => route.path.to_owned(),
            Found::OtherMethods(allow) => format!("405 {allow}"),
            Found::Nothing => "404".to_owned(),
        }
    }

    #[test]
    fn a_path_is_found_segment_by_segment() {
        assert_eq!(found(Method::GET, "/a/7"), "/a/{id}");
        assert_eq!(found(Method::HEAD, "/a/7"), "/a/{id}");
        assert_eq!(found(Method::GET, "/a/me"), "/a/me");
        assert_eq!(found(Method::GET, "/a/7/b"), "/a/{id}/b");
        assert_eq!(found(Method::GET, "/page/x/y"), "/page/{*rest}");
        assert_eq!(found(Method::GET, "/page/"), "/page/{*rest}");
        for path in ["/", "/a", "/a/", "/a/7/", "/a/7/c", "/A/7", "/page", "/a/7/b/c", "/a//b"] {
            assert_eq!(found(Method::GET, path), "404", "{path}");
        }
    }

    #[test]
    fn another_method_names_those_that_exist() {
        assert_eq!(found(Method::DELETE, "/a/7"), "405 GET, HEAD, OPTIONS, PUT");
        assert_eq!(found(Method::PUT, "/a/me"), "405 GET, HEAD, OPTIONS");
    }
}
