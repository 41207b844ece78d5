//! Routes, and the route of a request.

use super::quota::Limit;
use http::Method;
use std::collections::BTreeMap;

/// One entry of the [table](super::table): everything that the gateway has to know to let a
/// request through.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    /// Literal segments, `{name}` for any one segment, `{*name}` at the end for one or more.
    pub path: &'static str,
    /// Names the operation in the OpenAPI document; none if it does not belong to the API.
    pub operation: Option<&'static str>,
    pub target: Target,
    pub access: Access,
    /// The scope that third-party applications need; `None` if they may not use the route. Only for
    /// routes that need a token.
    pub scope: Option<&'static str>,
    pub limit: Limit,
    /// Longest request body in bytes. With 0, no body is forwarded.
    pub body_bytes_max: u64,
    /// How long the head of the response may take. Milliseconds. Bodies, such as event
    /// streams, are not limited.
    pub timeout_ms: u64,
}

impl Route {
    /// Whether a body other than an empty one or `{}` is refused: functions would ignore it. The
    /// body of a request that only reads has no meaning (RFC 9110, section 9.3.1) and is dropped.
    pub fn refuses_content(&self) -> bool {
        self.body_bytes_max == 0 && self.method != Method::GET
    }
}

/// What responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This component, under the same path.
    Component(&'static str),
    /// This component, under another path.
    Renamed(&'static str, &'static str),
    /// The gateway: liveness.
    Liveness,
    /// The gateway: its readiness and that of all functions.
    Readiness,
    /// The gateway: the description of the API.
    Description,
    /// The gateway: all problem types.
    Problems,
    /// The gateway: the problem type that the path names.
    Problem,
}

impl Target {
    /// The component that responds, if it is not the gateway.
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

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// All requests; a token is neither checked nor forwarded.
    Public,
    /// All requests; `Authorization` identifies the OAuth client and is forwarded.
    Client,
    /// All requests; a token is checked and forwarded if there is one.
    Optional,
    /// Valid access tokens.
    User,
    /// Access tokens with the role `admin`.
    Admin,
    /// Requests from the local machine, and administrators.
    Local,
}

/// The route of a request.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    Route(&'a Route),
    /// The path exists, but not with this method: the value of `Allow`.
    OtherMethods(String),
    Nothing,
}

/// The routes of a table by path. Literal segments take precedence over parameters, regardless of
/// the order of the table.
#[derive(Clone, Default)]
pub struct Router<'a>(matchit::Router<Vec<&'a Route>>);

impl<'a> Router<'a> {
    /// The router of these routes.
    ///
    /// # Errors
    /// A path is malformed, or conflicts with another one.
    pub fn new(routes: &'a [Route]) -> Result<Self, matchit::InsertError> {
        let mut paths = BTreeMap::<&str, Vec<&Route>>::new();
        for route in routes {
            paths.entry(route.path).or_default().push(route);
        }
        let mut router = matchit::Router::new();
        for (path, routes) in paths {
            router.insert(path, routes)?;
        }
        Ok(Self(router))
    }

    /// The route of a request. `HEAD` has the route of `GET`.
    pub fn find(&self, method: &Method, path: &str) -> Found<'a> {
        let Ok(matched) = self.0.at(path) else { return Found::Nothing };
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        match matched.value.iter().find(|route| route.method == wanted) {
            Some(route) => Found::Route(route),
            None => Found::OtherMethods(allow(matched.value.iter().map(|route| &route.method))),
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
        match Router::new(&routes()).unwrap().find(&method, path) {
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
        for path in ["/", "/a", "/a/", "/page/", "/a/7/", "/a/7/c", "/A/7", "/page", "/a/7/b/c"] {
            assert_eq!(found(Method::GET, path), "404", "{path}");
        }
    }

    #[test]
    fn another_method_names_those_that_exist() {
        assert_eq!(found(Method::DELETE, "/a/7"), "405 GET, HEAD, OPTIONS, PUT");
        assert_eq!(found(Method::PUT, "/a/me"), "405 GET, HEAD, OPTIONS");
    }
}
