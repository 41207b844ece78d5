//! Finds the handler of a path: the most specific route that matches.

use super::headers::RouteFields;
use super::matching::{fits, specificity, trimmed, unmatched, with_slash};
use crate::telemetry::{METHODS, OTHER};
use http::Method;
use std::borrow::Cow;
use std::sync::Arc;
use tessera_manifest::routes::RoutePattern;
use tessera_manifest::{App, Handler, PatternError, Route};

/// All public routes of an application, most specific first.
///
/// There are few of them, and comparing segments is cheap, so they are tried in order.
#[derive(Debug)]
pub(crate) struct Router(Vec<Arc<Entry>>);

/// One public route.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) handler: Handler,
    /// The header fields for its component.
    pub(super) fields: RouteFields,
    operations: Operations,
    /// The route as in the manifest.
    written: String,
    pattern: RoutePattern,
    /// Finer routes of the component, most specific first: only for names.
    labels: Arc<[Label]>,
}

/// A route that only has a name.
#[derive(Debug)]
struct Label {
    pattern: RoutePattern,
    operations: Operations,
}

/// The names of operations in spans and metrics: method and route, created once. The last one is
/// for all other methods.
#[derive(Debug)]
struct Operations(Vec<Arc<str>>);

/// A route that matches a path.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) entry: &'a Arc<Entry>,
    /// Name and value of each `:parameter`.
    pub(crate) parameters: Vec<(&'a str, &'a str)>,
    /// What `/...` stands for, with its slash; empty for an exact route. What a wildcard after a dot
    /// stands for gets a slash, too.
    pub(crate) rest: Cow<'a, str>,
}

impl Router {
    pub(crate) fn new(app: &App) -> Result<Self, PatternError> {
        let mut entries = Vec::<Arc<Entry>>::new();
        for trigger in &app.http {
            let Route::Path(route) = &trigger.route else { continue };
            let labels = match &trigger.handler {
                Handler::Component(id) => labels(app, id)?,
                Handler::Static(_) => Arc::default(),
            };
            let entry = Arc::new(Entry::new(trigger.handler.clone(), route, labels)?);
            // A route that is there twice leads to the last one, in the place of the first one.
            match entries.iter_mut().find(|earlier| earlier.written == *route) {
                Some(earlier) => *earlier = entry,
                None => entries.push(entry),
            }
        }
        entries.sort_by(|a, b| specificity(&a.pattern, &b.pattern));
        Ok(Self(entries))
    }

    /// The route that takes this path, if any does.
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<Match<'a>> {
        self.0.iter().find_map(|entry| matches(entry, path))
    }
}

impl Entry {
    fn new(handler: Handler, route: &str, labels: Arc<[Label]>) -> Result<Self, PatternError> {
        let pattern = RoutePattern::parse("", route)?;
        Ok(Self {
            handler,
            fields: RouteFields::new(route),
            operations: Operations::of(&pattern.to_string()),
            written: route.to_owned(),
            pattern,
            labels,
        })
    }

    /// `GET /products/:id`: the label that a path fits, else the route.
    pub(crate) fn operation(&self, method: &Method, path: &str) -> Arc<str> {
        let label = self.labels.iter().find(|label| fits(&label.pattern, path));
        label.map_or(&self.operations, |label| &label.operations).by(method)
    }
}

impl Operations {
    fn of(route: &str) -> Self {
        let methods = METHODS.iter().map(Method::as_str).chain([OTHER]);
        Self(methods.map(|method| format!("{method} {route}").into()).collect())
    }

    fn by(&self, method: &Method) -> Arc<str> {
        let index = METHODS.iter().position(|known| known == method);
        self.0[index.unwrap_or(METHODS.len())].clone()
    }
}

/// The labels that a component asks for, most specific first.
fn labels(app: &App, id: &str) -> Result<Arc<[Label]>, PatternError> {
    let Some(component) = app.components.get(id) else { return Ok(Arc::default()) };
    let label = |route: &String| {
        let pattern = RoutePattern::parse(&app.http_base, route)?;
        Ok(Label { operations: Operations::of(&pattern.to_string()), pattern })
    };
    let labels = component.settings.route_labels.iter().map(label);
    let mut labels = labels.collect::<Result<Vec<_>, _>>()?;
    labels.sort_by(|a, b| specificity(&a.pattern, &b.pattern));
    Ok(labels.into())
}

fn matches<'a>(entry: &'a Arc<Entry>, path: &'a str) -> Option<Match<'a>> {
    let mut parameters = Vec::new();
    let parameter = |name, value| parameters.push((name, value));
    let left = unmatched(&entry.pattern, trimmed(path), parameter)?;
    let rest = if entry.pattern.takes_rest() { with_slash(path, left) } else { "" };
    let rest = match entry.pattern.stem() {
        Some(_) if !left.is_empty() => Cow::Owned(format!("/{rest}")),
        _ => Cow::Borrowed(rest),
    };
    Some(Match { entry, parameters, rest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_manifest::StaticResponse;

    fn router(routes: &[&str]) -> Router {
        let handler = Handler::Static(StaticResponse { status: 200, headers: vec![], body: None });
        let entry =
            |route: &&str| Arc::new(Entry::new(handler.clone(), route, Arc::default()).unwrap());
        let mut entries: Vec<_> = routes.iter().map(entry).collect();
        entries.sort_by(|a, b| specificity(&a.pattern, &b.pattern));
        Router(entries)
    }

    fn found(router: &Router, path: &str) -> Option<String> {
        let operation = router.find(path)?.entry.operation(&Method::GET, path);
        Some(operation.strip_prefix("GET ").unwrap().to_owned())
    }

    #[test]
    fn the_most_specific_route_wins_in_any_order() {
        let router = router(&["/...", "/api/...", "/api/:id", "/api/users", "/api/:id/x"]);
        for (path, route) in [
            ("/", "/..."),
            ("/other", "/..."),
            ("/api", "/api/..."),
            ("/api/users", "/api/users"),
            ("/api/users/", "/api/users"),
            ("/api/7", "/api/:id"),
            ("/api/7/x", "/api/:id/x"),
            ("/api/users/x", "/api/:id/x"),
            ("/api/7/y", "/api/..."),
            ("/apix", "/..."),
        ] {
            assert_eq!(found(&router, path).as_deref(), Some(route), "{path}");
        }
    }

    #[test]
    fn an_exact_route_takes_nothing_below_it() {
        let router = router(&["/a"]);
        assert_eq!(found(&router, "/a/b"), None);
        assert_eq!(found(&router, "/"), None);
        assert_eq!(found(&router, "//a//").as_deref(), Some("/a"));
    }

    #[test]
    fn registered_methods_have_their_own_operation_and_others_share_one() {
        let router = router(&["/a/:x"]);
        let entry = router.find("/a/1").unwrap().entry;
        for method in &METHODS {
            assert_eq!(*entry.operation(method, "/a/1"), format!("{method} /a/:x"));
        }
        for other in ["get", "PROPFIND"] {
            let method = Method::from_bytes(other.as_bytes()).unwrap();
            assert_eq!(&*entry.operation(&method, "/a/1"), "_OTHER /a/:x");
        }
    }

    #[test]
    fn parameters_and_the_rest_are_what_the_path_says() {
        let router = router(&["/a/:x/..."]);
        let found = router.find("/a/1/b/c/").unwrap();
        assert_eq!(found.parameters, [("x", "1")]);
        assert_eq!(found.rest, "/b/c/");
        assert_eq!(router.find("/a/1").unwrap().rest, "");
        assert_eq!(router.find("/a//b").unwrap().parameters, [("x", "")]);
        assert_eq!(router.find("/a//").map(|found| found.rest), None);
    }

    #[test]
    fn the_rest_is_the_path_with_all_its_inner_slashes() {
        let router = router(&["/...", "/wild/..."]);
        for (path, rest) in [
            ("/", "/"),
            ("//", "/"),
            ("/a", "/a"),
            ("//a//b//", "/a//b/"),
            ("/wild", ""),
            ("/wild/", "/"),
            ("/wild//", "/"),
            ("/wild//a%2Fb", "//a%2Fb"),
            ("/wild/a/", "/a/"),
        ] {
            assert_eq!(router.find(path).unwrap().rest, rest, "{path}");
        }
    }

    #[test]
    fn a_wildcard_after_a_dot_takes_the_rest_with_a_slash() {
        let router = router(&["/:any", "/v1.*", "/a/:x.*", "/v1.0"]);
        for (path, route, rest) in [
            ("/v1.", "/v1.*", ""),
            ("/v1./", "/v1.*", "/"),
            ("/v1.2", "/v1.*", "/2"),
            ("//v1.2.3/b/", "/v1.*", "/2.3/b/"),
            ("/v1.0", "/v1.0", ""),
            ("/v1", "/:any", ""),
            ("/a/b.c/d", "/a/:x.*", "/c/d"),
        ] {
            assert_eq!(found(&router, path).as_deref(), Some(route), "{path}");
            assert_eq!(router.find(path).unwrap().rest, rest, "{path}");
        }
        assert_eq!(router.find("/a/b.c/d").unwrap().parameters, [("x", "b")]);
        assert!(router.find("/a/b").is_none());
    }

    #[test]
    fn of_two_equal_routes_the_last_one_counts_and_of_two_alike_the_first_one() {
        let static_response = |body: &str| format!("static_response = {{ body = \"{body}\" }}\n");
        let trigger = |route: &str, body: &str| {
            format!("[[trigger.http]]\nroute = \"{route}\"\n{}", static_response(body))
        };
        let manifest = "spin_manifest_version = 2\n[application]\nname = \"test\"\n".to_owned()
            + &trigger("/a/:x", "first of two alike")
            + &trigger("/other", "second of two alike")
            + &trigger("/b", "first of two equal")
            + &trigger("/c", "last of two equal");
        let app = tessera_manifest::parse(std::path::Path::new("/app/spin.toml"), &manifest);
        let mut app = app.unwrap();
        app.http[1].route = Route::Path("/a/:y".to_owned());
        app.http[3].route = Route::Path("/b".to_owned());
        let router = Router::new(&app).unwrap();
        for (path, body) in [("/a/1", "first of two alike"), ("/b", "last of two equal")] {
            let Handler::Static(found) = &router.find(path).unwrap().entry.handler else {
                panic!()
            };
            assert_eq!(found.body.as_deref(), Some(body), "{path}");
        }
    }

    #[test]
    fn labels_name_requests_finer_than_routes() {
        let manifest = r#"
spin_manifest_version = 2
[application]
name = "test"
[application.trigger.http]
base = "/base"
[[trigger.http]]
route = "/api/..."
component = "guest"
[component.guest]
source = "guest.wasm"
tool.tessera.route_labels = ["/api/orders/:id", "/api/orders", "/api/orders/open", "/api/files/..."]
"#;
        let app = tessera_manifest::parse(std::path::Path::new("/app/spin.toml"), manifest);
        let router = Router::new(&app.unwrap()).unwrap();
        for (path, label) in [
            ("/base/api/orders", "/base/api/orders"),
            ("/base/api/orders/", "/base/api/orders"),
            ("/base/api/orders/7", "/base/api/orders/:id"),
            ("/base/api/orders/open", "/base/api/orders/open"),
            ("/base/api/orders/7/x", "/base/api/..."),
            ("/base/api/files/a/b", "/base/api/files/..."),
            ("/base/api/other", "/base/api/..."),
        ] {
            let operation = router.find(path).unwrap().entry.operation(&Method::POST, path);
            assert_eq!(*operation, format!("POST {label}"), "{path}");
        }
    }
}
