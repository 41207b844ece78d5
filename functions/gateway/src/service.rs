//! The request path: one way in, one concern after the other, nothing of it buffered.

mod admission;
mod bodiless;
mod health;
mod metered;
mod operator;
mod representation;
mod response;

use crate::domain::path;
use crate::domain::route::{Found, Route, Target};
use crate::domain::table::{MAILBOX, find, pages};
use crate::domain::{address, cors, headers};
use crate::ports::{Environment, Ports, Settings, Upstream};
use crate::{openapi, problems};
use admission::Admitted;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use chassis::http::OutboundError;
use chassis::{Problem, ProblemType};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use metered::Metered;
use representation::Wanted;

/// Seconds after which a caller may try again when a function could not be reached.
const RETRY_AFTER_S: u64 = 1;

/// The gateway.
#[derive(Clone)]
pub struct Gateway<P> {
    ports: P,
}

/// What is known about a request before it is looked at closely.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Found in the log lines of everybody who works on this request.
    request_id: String,
    /// Of the client.
    address: String,
    /// `http` or `https`, as the client sees it.
    scheme: String,
    /// The name that the client calls us by.
    host: String,
}

impl<P: Ports> Gateway<P> {
    /// The gateway over these ports.
    pub fn new(ports: P) -> Self {
        Self { ports }
    }

    /// Responds to one request. Every error is a problem.
    pub async fn handle(&self, request: Request<Body>) -> Response {
        let settings = self.ports.environment().settings().await;
        let origin = self.origin(&request, &settings);
        let (method, page) = (request.method().clone(), header_of(&request, "origin"));
        let preflight = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match self.route(request, &settings, &origin).await {
            Ok(response) => response,
            Err(problem) => named(problem, &origin),
        };
        if cors::is_used(&settings.cors_origins) {
            response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        }
        let page = cors::allowed(&settings.cors_origins, page.as_deref());
        response::finish(response, &method, &origin, page, preflight)
    }

    async fn route(
        &self,
        mut request: Request<Body>,
        settings: &Settings,
        origin: &Origin,
    ) -> Result<Response, Problem> {
        // A path that others might read differently goes no further.
        path::check(request.uri().path()).map_err(|fault| ambiguous(fault.0))?;
        // The table has all API paths; the storefront serves the rest.
        let route = match find(request.method(), request.uri().path()) {
            Found::Route(route) => route,
            Found::OtherMethods(allow) if request.method() == Method::OPTIONS => {
                return Ok((StatusCode::NO_CONTENT, [(header::ALLOW, allow)]).into_response());
            }
            Found::OtherMethods(allow) => return Err(other_methods(&allow)),
            Found::Nothing => pages(request.uri().path()).ok_or_else(nothing)?,
        };
        if route.target.component() == Some(MAILBOX) && !settings.mailbox_page {
            return Err(nothing());
        }
        admission::check_query(route, request.uri().query())?;
        let wanted = Wanted::of(&mut request);
        // Who asks, and is it too much?
        let mut admitted = self.admit(route, request, settings, origin).await?;
        admitted.request = bodiless::check(route, admitted.request).await?;
        let rates = admitted.rates.clone();
        // Only now does a function work.
        let response = match route.target {
            Target::Liveness => Ok(health::alive()),
            Target::Readiness => Ok(self.readiness().await),
            Target::Description => Ok(openapi::response()),
            Target::Problems => Ok(problems::list(admitted.request.headers())),
            Target::Problem => {
                problems::one(admitted.request.uri().path(), admitted.request.headers())
            }
            Target::Component(name) => self.forward(route, name, None, admitted, origin).await,
            Target::Renamed(name, path) => {
                self.forward(route, name, Some(path), admitted, origin).await
            }
        };
        let mut response = response.unwrap_or_else(|problem| named(problem, origin));
        rates.write(response.headers_mut());
        response::keep_private(&mut response, route.access);
        wanted.apply(response).await
    }

    async fn forward(
        &self,
        route: &Route,
        component: &str,
        path: Option<&'static str>,
        admitted: Admitted,
        origin: &Origin,
    ) -> Result<Response, Problem> {
        let (mut parts, body) = admitted.request.into_parts();
        parts.uri = target(component, path, &parts.uri).ok_or_else(nothing)?;
        address_headers(&mut parts, origin);
        let bodiless = route.body_bytes_max == 0
            || match parts.method {
                Method::GET | Method::HEAD => true,
                Method::DELETE => !parts.headers.contains_key(header::CONTENT_TYPE),
                _ => false,
            };
        if bodiless {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        let (body, excess) = Metered::new(body, route.body_bytes_max);
        let body = if bodiless { Body::empty() } else { Body::new(body) };
        let request = Request::from_parts(parts, body);
        let response = self.ports.upstream().forward(request, route.timeout_ms).await;
        // If the body was cut off, the response is that it is too long, whatever the function says.
        if excess.seen() {
            return Err(admission::too_large(route.body_bytes_max));
        }
        response.map(response::from_upstream).map_err(|error| {
            eprintln!("{component} did not respond to {}: {error}", origin.request_id);
            unreachable(&error)
        })
    }

    fn origin(&self, request: &Request<Body>, settings: &Settings) -> Origin {
        let header = |name: &str| header_of(request, name);
        let full: Option<Uri> = header("spin-full-url").and_then(|url| url.parse().ok());
        let trusted = settings.proxies_trusted > 0;
        let scheme = header("x-forwarded-proto").filter(|scheme| trusted && is_scheme(scheme));
        let own = full.as_ref().and_then(Uri::scheme_str).map(str::to_owned);
        let authority = request.uri().authority().map(ToString::to_string);
        let peer = header("spin-client-addr");
        let forwarded = header("x-forwarded-for");
        let client =
            address::client(peer.as_deref(), forwarded.as_deref(), settings.proxies_trusted);
        Origin {
            request_id: headers::request_id(request.headers())
                .unwrap_or_else(|| self.ports.environment().request_id()),
            address: client,
            scheme: scheme.or(own).unwrap_or_else(|| "http".to_owned()),
            host: header("host").or(authority).unwrap_or_default(),
        }
    }
}

/// The last value: what the host adds stands behind what a client sent.
fn header_of(request: &Request<Body>, name: &str) -> Option<String> {
    let value = request.headers().get_all(name).iter().next_back()?;
    value.to_str().ok().map(str::to_owned)
}

fn is_scheme(text: &str) -> bool {
    text == "http" || text == "https"
}

/// The same path and query, or the route's own path, at the component.
fn target(component: &str, path: Option<&'static str>, uri: &Uri) -> Option<Uri> {
    let path_and_query = match path {
        Some(path) => PathAndQuery::from_static(path),
        None => uri.path_and_query()?.clone(),
    };
    let authority = format!("{component}.spin.internal");
    Uri::builder().scheme("http").authority(authority).path_and_query(path_and_query).build().ok()
}

/// Who asked, for the functions behind: written here and nowhere else.
fn address_headers(parts: &mut Parts, origin: &Origin) {
    headers::sanitize_request(&mut parts.headers);
    headers::set(&mut parts.headers, "x-request-id", &origin.request_id);
    headers::set(&mut parts.headers, "x-forwarded-for", &origin.address);
    headers::set(&mut parts.headers, "x-forwarded-proto", &origin.scheme);
    headers::set(&mut parts.headers, "x-forwarded-host", &origin.host);
    headers::set(&mut parts.headers, "via", "1.1 tessera-gateway");
}

/// A problem that can be found again in the logs.
fn named(problem: Problem, origin: &Origin) -> Response {
    problem.extension("request_id", origin.request_id.clone()).into_response()
}

fn ambiguous(detail: &str) -> Problem {
    Problem::new(ProblemType::AmbiguousPath).detail(detail)
}

fn nothing() -> Problem {
    Problem::not_found("There is nothing at this path.")
}

fn other_methods(allow: &str) -> Problem {
    Problem::new(ProblemType::MethodNotAllowed)
        .detail(format!("This path takes {allow}."))
        .header(header::ALLOW, allow)
}

fn unreachable(error: &OutboundError) -> Problem {
    let retry = RETRY_AFTER_S.to_string();
    match error {
        OutboundError::Connect(_) => {
            Problem::unavailable("Service temporarily unavailable.", RETRY_AFTER_S)
        }
        OutboundError::Timeout(_) => Problem::new(ProblemType::UpstreamTimeout)
            .detail("It is unknown whether the request took effect.")
            .header(header::RETRY_AFTER, &retry),
        OutboundError::Broken(_) | OutboundError::TooLong => response::broken(),
    }
}

#[cfg(test)]
mod tests;
