//! Routes of HTTP triggers: `/a`, `/a/...`, `/a/:name`.
//!
//! Spin's grammar, with one difference: a parameter is a whole segment. A trailing slash is ignored,
//! a leading one may be missing, and a trailing `/*` means `/...`.

use std::collections::BTreeSet;

use crate::pattern_error::PatternError;

/// A parsed route, including the application's base path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePattern {
    segments: Vec<Segment>,
    rest: bool,
}

/// One part of a route, between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This text exactly.
    Literal(String),
    /// Any text; the name of the parameter.
    Parameter(String),
}

impl RoutePattern {
    /// Parses a route below a base path (`""` or `"/"` if there is none).
    ///
    /// # Errors
    /// The route does not match the grammar in the module's documentation.
    pub fn parse(base: &str, route: &str) -> Result<Self, PatternError> {
        let (path, rest) = match route.strip_suffix("...").or_else(|| route.strip_suffix('*')) {
            Some(path) if path.is_empty() || path.ends_with('/') => (path, true),
            _ => (route, false),
        };
        if [base, path].iter().any(|text| text.contains("//")) {
            return Err(PatternError::new("it has an empty segment", "write one slash, not two"));
        }
        let parts = |text| trimmed(text).split('/').filter(|_| !trimmed(text).is_empty());
        let segments = parts(base).chain(parts(path)).map(Segment::parse);
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for segment in &segments {
            if let Segment::Parameter(name) = segment
                && !names.insert(name)
            {
                return Err(PatternError::new(
                    format!("the parameter `:{name}` is a duplicate"),
                    "give each parameter a different name",
                ));
            }
        }
        Ok(Self { segments, rest })
    }

    /// Its segments, without the rest.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it ends with `/...`, which matches the path before it and everything below.
    pub fn takes_rest(&self) -> bool {
        self.rest
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
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Parameter(name) => text.push_str(&parameter(name)),
            }
        }
        match (self.rest, text.is_empty()) {
            (true, _) => text.push_str("/..."),
            (false, true) => text.push('/'),
            (false, false) => {}
        }
        text
    }
}

/// Without one leading and one trailing slash.
fn trimmed(text: &str) -> &str {
    let text = text.strip_prefix('/').unwrap_or(text);
    text.strip_suffix('/').unwrap_or(text)
}

impl Segment {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if let Some(name) = text.strip_prefix(':') {
            return if !name.is_empty() && name.chars().all(named) {
                Ok(Self::Parameter(name.to_owned()))
            } else {
                Err(PatternError::new(
                    format!("`{text}` is not a parameter"),
                    "a parameter is a colon and a name of letters, digits, `-` and `_`, for example `:id`",
                ))
            };
        }
        match text {
            "..." | "*" => Err(PatternError::new(
                format!("`{text}` is not at the end"),
                "`/...` matches the rest of the path; use `:name` for one segment",
            )),
            "." | ".." => Err(PatternError::new(
                format!("`{text}` never occurs in the path of a request"),
                "clients resolve it before they send a request: write the resolved path",
            )),
            _ => Self::literal(text),
        }
    }

    fn literal(text: &str) -> Result<Self, PatternError> {
        let bad = |c: &char| {
            c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '*' | '{' | '}' | '\\')
        };
        match text.chars().find(bad) {
            Some('*') => Err(PatternError::new(
                "`*` is part of a segment",
                "use `:name` for a whole segment, or `/...` for the rest of the path",
            )),
            Some(c @ ('?' | '#')) => Err(PatternError::new(
                format!("it contains {c:?}"),
                "a route is only matched with the path: remove the query",
            )),
            Some(c) => Err(PatternError::new(
                format!("it contains {c:?}"),
                "write it percent-encoded, as in a request",
            )),
            None => Ok(Self::Literal(text.to_owned())),
        }
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
        ] {
            let pattern = RoutePattern::parse(base, route).unwrap();
            assert_eq!(pattern.to_string(), expected, "{base:?} + {route:?}");
        }
    }

    #[test]
    fn names_of_parameters_do_not_change_the_shape() {
        let shape = |route| RoutePattern::parse("", route).unwrap().shape();
        assert_eq!(shape("/a/:x/..."), shape("/a/:y/..."));
        assert_ne!(shape("/a/:x"), shape("/a/x"));
    }

    #[test]
    fn routes_that_match_no_request_are_refused() {
        for bad in [
            "//", "/a//b", "/:", "/:a.b", "/:a/:a", "/a*", "/a/.../b", "/*/b", "/a?b", "/a#b",
            "/a b", "/..", "/a/./b", "/{a}", "/a\\b",
        ] {
            assert!(RoutePattern::parse("", bad).is_err(), "{bad:?} should be refused");
        }
    }
}
