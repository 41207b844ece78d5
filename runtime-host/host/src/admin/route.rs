//! One entry of the table of routes: what is served, and how it is described.

use super::AdminState;
use super::reply::Reply;
use crate::chaos::Faults;
use futures::future::BoxFuture;
use http::HeaderMap;
use hyper::body::Incoming;
use tessera_events::{Error, Log};

/// A method of a path.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// A parameter is a whole segment: `/faults/{id}`. With `*`, as in `{file*}`, it is the rest.
    pub(crate) path: &'static str,
    /// What it returns, in a few words.
    pub(crate) summary: &'static str,
    pub(super) handler: Handler,
    pub(super) parameters: &'static [Parameter],
    /// The schema of the body of a request.
    pub(super) request: Option<&'static str>,
    /// The status of success.
    pub(super) status: u16,
    pub(super) content: Content,
    /// Statuses with the same content as success.
    pub(super) same_content: &'static [u16],
    /// Statuses without content.
    pub(super) without_content: &'static [u16],
    /// Statuses of problems, in addition to those that follow from the other members.
    pub(super) problems: &'static [u16],
    /// Whether it needs the token.
    pub(crate) token: bool,
    /// Whether it is served under every host name.
    pub(super) every_name: bool,
    /// Whether it is described. Routes of test builds are not.
    pub(crate) described: bool,
}

/// A parameter of a query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// The type of JSON Schema: `integer` or `string`.
    pub(super) kind: &'static str,
    pub(super) required: bool,
}

/// The body of a response.
#[derive(Clone, Copy)]
pub(super) enum Content {
    None,
    Text,
    OpenMetrics,
    /// JSON of any form.
    AnyJson,
    /// JSON with a schema.
    Json(&'static str),
    /// The format of draft-inadarei-api-health-check, with a schema.
    Health(&'static str),
}

/// What serves a request. The kinds differ in what they need.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// No wait.
    Now(fn(&Call<'_>) -> Reply),
    /// Something to wait for.
    Later(for<'a> fn(Call<'a>) -> BoxFuture<'a, Reply>),
    /// An event log; 404 if there is none.
    Events(for<'a> fn(&'a dyn Log, Call<'a>) -> BoxFuture<'a, Result<Reply, Error>>),
    /// Faults; 404 without `--chaos`.
    Faults(for<'a> fn(&'a Faults, Call<'a>) -> BoxFuture<'a, Reply>),
}

/// A request, as a handler sees it.
pub(super) struct Call<'a> {
    pub(super) state: &'a AdminState,
    /// The parameters of the path, as they were sent.
    pub(super) path: Vec<String>,
    pub(super) query: String,
    pub(super) fields: HeaderMap,
    pub(super) body: Incoming,
}

impl Call<'_> {
    /// The value of a parameter of the path, by its number; empty if the route has fewer.
    pub(super) fn value(&self, number: usize) -> &str {
        self.path.get(number).map_or("", String::as_str)
    }
}

impl Route {
    const fn new(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        content: Content,
        handler: Handler,
    ) -> Self {
        Self {
            method,
            path,
            summary,
            handler,
            parameters: &[],
            request: None,
            status: if matches!(content, Content::None) { 204 } else { 200 },
            content,
            same_content: &[],
            without_content: &[],
            problems: &[],
            token: false,
            every_name: false,
            described: true,
        }
    }

    pub(super) const fn get(
        path: &'static str,
        summary: &'static str,
        content: Content,
        handler: Handler,
    ) -> Self {
        Self::new("GET", path, summary, content, handler)
    }

    /// A change: it needs the token.
    pub(super) const fn post(
        path: &'static str,
        summary: &'static str,
        content: Content,
        handler: Handler,
    ) -> Self {
        Self::new("POST", path, summary, content, handler).with_token()
    }

    /// A replacement: it needs the token.
    pub(super) const fn put(
        path: &'static str,
        summary: &'static str,
        content: Content,
        handler: Handler,
    ) -> Self {
        Self::new("PUT", path, summary, content, handler).with_token()
    }

    /// A question with a body, which changes nothing.
    pub(super) const fn query(
        path: &'static str,
        summary: &'static str,
        content: Content,
        handler: Handler,
    ) -> Self {
        Self::new("POST", path, summary, content, handler)
    }

    /// A change without a response: it needs the token.
    pub(super) const fn delete(
        path: &'static str,
        summary: &'static str,
        handler: Handler,
    ) -> Self {
        Self::new("DELETE", path, summary, Content::None, handler).with_token()
    }

    /// Of the console, which is no part of the API.
    pub(super) const fn of_console(path: &'static str, handler: Handler) -> Self {
        Self { described: false, ..Self::new("GET", path, "", Content::Text, handler) }
    }

    /// For tests only: it is not described.
    #[cfg(feature = "fault-points")]
    pub(super) const fn of_tests(
        method: &'static str,
        path: &'static str,
        handler: Handler,
    ) -> Self {
        Self { described: false, ..Self::new(method, path, "", Content::AnyJson, handler) }
    }

    pub(super) const fn with_token(mut self) -> Self {
        self.token = true;
        self
    }

    pub(super) const fn under_every_name(mut self) -> Self {
        self.every_name = true;
        self
    }

    pub(super) const fn parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    pub(super) const fn request(mut self, schema: &'static str) -> Self {
        self.request = Some(schema);
        self
    }

    pub(super) const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) const fn same_content(mut self, statuses: &'static [u16]) -> Self {
        self.same_content = statuses;
        self
    }

    pub(super) const fn without_content(mut self, statuses: &'static [u16]) -> Self {
        self.without_content = statuses;
        self
    }

    pub(super) const fn problems(mut self, statuses: &'static [u16]) -> Self {
        self.problems = statuses;
        self
    }

    /// The values of its parameters if it serves this path.
    pub(super) fn values(&self, path: &str) -> Option<Vec<String>> {
        let mut values = Vec::new();
        let mut given = path.split('/');
        for expected in self.path.split('/') {
            if expected.ends_with("*}") {
                values.push(given.collect::<Vec<_>>().join("/"));
                return Some(values);
            }
            let part = given.next()?;
            if is_parameter(expected) {
                if part.is_empty() {
                    return None;
                }
                values.push(part.to_owned());
            } else if part != expected {
                return None;
            }
        }
        given.next().is_none().then_some(values)
    }

    /// The names of the parameters of its path.
    pub(super) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        let parameters = self.path.split('/').filter(|part| is_parameter(part));
        parameters.map(|part| part.trim_matches(['{', '}']))
    }

    /// Method and path, with the parameters of the query: `GET /events?after=…&limit=…`.
    pub(super) fn line(&self) -> String {
        let pairs: Vec<_> = self.parameters.iter().map(|one| format!("{}=…", one.name)).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, pairs.join("&"))
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

impl Parameter {
    pub(super) const fn integer(name: &'static str, description: &'static str) -> Self {
        Self { name, description, kind: "integer", required: false }
    }

    pub(super) const fn string(name: &'static str, description: &'static str) -> Self {
        Self { name, description, kind: "string", required: false }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}
