//! Routes of HTTP triggers: `/a`, `/a/...`, `/a/:name`.
//!
//! Spin's grammar. A parameter is a whole segment, or ends at a dot (`:name.json`). A trailing slash
//! is ignored, a leading one may be missing, several count as one, and a trailing `/*` means `/...`.
//! A wildcard may also follow a dot: `/a.*` takes what follows `/a.`.

mod segment;

pub use segment::{Piece, Segment, Stem};

use crate::pattern_error::PatternError;

/// A parsed route, including the application's base path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    segments: Vec<Segment>,
    rest: Rest,
}

/// What a route takes of a path after its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// All that follows.
    Everything,
    /// All that follows the beginning of the next part.
    After(Stem),
}

impl RoutePattern {
    /// Parses a route below a base path (`""` or `"/"` if there is none).
    ///
    /// # Errors
    /// The route does not match the grammar in the module's documentation.
    pub fn parse<'a>(base: &'a str, route: &'a str) -> Result<Self, PatternError> {
        let (path, rest) = match route.strip_suffix("...").or_else(|| route.strip_suffix('*')) {
            Some(path) if path.is_empty() || path.ends_with('/') => (path, Rest::Everything),
            Some(path) if path.ends_with('.') && route.ends_with('*') => {
                let (path, stem) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
                (path, Rest::After(Stem::parse(stem)?))
            }
            _ => (route, Rest::Nothing),
        };
        let parts = |text: &'a str| text.split('/').filter(|part| !part.is_empty());
        let segments = parts(base).chain(parts(path)).map(Segment::parse);
        Ok(Self { segments: segments.collect::<Result<_, _>>()?, rest })
    }

    /// Why it matches no request, or not those that are meant.
    pub fn doubt(&self) -> Option<PatternError> {
        self.segments.iter().find_map(Segment::doubt)
    }

    /// Its segments, without the rest.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it ends with `/...`, which matches the path before it and everything below, or with a
    /// wildcard after a dot.
    pub fn takes_rest(&self) -> bool {
        self.rest != Rest::Nothing
    }

    /// What is between its segments and a wildcard after a dot.
    pub fn stem(&self) -> Option<&Stem> {
        match &self.rest {
            Rest::After(stem) => Some(stem),
            Rest::Nothing | Rest::Everything => None,
        }
    }

    /// The route without the names of its parameters: two routes with the same shape match the same
    /// requests.
    pub fn shape(&self) -> String {
        self.written(|_| ":".to_owned())
    }

    fn written(&self, parameter: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            text.push_str(&segment.written(&parameter));
        }
        match &self.rest {
            Rest::Everything => text.push_str("/..."),
            Rest::After(stem) => text += &format!("/{}*", stem.written(parameter)),
            Rest::Nothing if text.is_empty() => text.push('/'),
            Rest::Nothing => {}
        }
        text
    }
}

impl std::fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written(|name| format!(":{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_normalized() {
        for (base, route, expected) in [
            ("", "/", "/"),
            ("/", "", "/"),
            ("/", "/...", "/..."),
            ("", "...", "/..."),
            ("", "/a/*", "/a/..."),
            ("", "a/b/", "/a/b"),
            ("/base/", "/", "/base"),
            ("/base", "/...", "/base/..."),
            ("/base", "/:id/x.json", "/base/:id/x.json"),
            ("", "/a...", "/a..."),
            ("", "//a//b//", "/a/b"),
            ("", "//", "/"),
            ("", "/:id.json/v.:version", "/:id.json/v.:version"),
            ("", "/:a/:a", "/:a/:a"),
            ("", "/a:b", "/a:b"),
            ("", "/a.*", "/a.*"),
            ("/base", "b/:x.y.*", "/base/b/:x.y.*"),
        ] {
            let pattern = RoutePattern::parse(base, route).unwrap();
            assert_eq!(pattern.to_string(), expected, "{base:?} + {route:?}");
        }
    }

    #[test]
    fn names_of_parameters_do_not_change_the_shape() {
        let shape = |route| RoutePattern::parse("", route).unwrap().shape();
        assert_eq!(shape("/a/:x/..."), shape("/a/:y/..."));
        assert_eq!(shape("/:x.json"), shape("/:y.json"));
        assert_ne!(shape("/a/:x"), shape("/a/x"));
    }

    #[test]
    fn what_is_no_route_is_refused() {
        for bad in ["/:", "/a.:", "/*/b", "/*a", "/a.*/b", "/a.*b", "/a/*b/c"] {
            assert!(RoutePattern::parse("", bad).is_err(), "{bad:?} should be refused");
        }
    }

    #[test]
    fn routes_that_match_no_request_are_doubted() {
        for odd in ["/a*", "/a/.../b", "/a?b", "/a#b", "/a b", "/..", "/a/./b", "/{a}", "/a\\b"] {
            let pattern = RoutePattern::parse("", odd).unwrap();
            assert!(pattern.doubt().is_some(), "{odd:?} should be doubted");
        }
        for good in ["/a.b", "/:a.b", "/endeløst", "/a...", "/a:b", "/%7Ba%7D", "/..."] {
            let pattern = RoutePattern::parse("", good).unwrap();
            assert_eq!(pattern.doubt(), None, "{good:?}");
        }
    }
}
