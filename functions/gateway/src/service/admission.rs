//! Authentication and rate limits. They are checked before any function is called and before the
//! body is read: first the address is counted, then the user.

use super::operator::{ask_to_sign_in, basic};
use super::{Gateway, Origin};
use crate::domain::local::{is_local, is_local_url};
use crate::domain::quota::{Limit, checks, refused_tokens};
use crate::domain::route::{Access, Route};
use crate::openapi;
use crate::ports::{Ports, Settings};
use axum::body::Body;
use axum::extract::FromRequestParts as _;
use chassis::auth::{Admin, AuthState, Caller, scoped};
use chassis::quota::{Rates, counted};
use chassis::{Problem, ProblemType};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};

/// A request that may go on.
pub(super) struct Admitted {
    pub(super) request: Request<Body>,
    pub(super) rates: Rates,
}

impl<P: Ports> AuthState for Gateway<P> {
    type Keys = P::Keys;

    fn keys(&self) -> &P::Keys {
        self.ports.keys()
    }
}

impl<P: Ports> Gateway<P> {
    pub(super) async fn admit(
        &self,
        route: &Route,
        request: Request<Body>,
        settings: &Settings,
        origin: &Origin,
    ) -> Result<Admitted, Problem> {
        check_length(route, request.headers())?;
        let (mut parts, body) = request.into_parts();
        let address = counted(&origin.address);
        let person = self.person(route, &mut parts, settings, origin).await?;
        if route.access == Access::Local {
            parts.headers.remove(header::AUTHORIZATION);
        }
        let person = person.as_ref().map(|caller| caller.user_id.as_str());
        let rates = self.count(route.limit, settings, &address, person).await?;
        Ok(Admitted { request: Request::from_parts(parts, body), rates })
    }

    /// The user of the token. An address that has presented too many invalid tokens is refused
    /// before another token is verified.
    async fn person(
        &self,
        route: &Route,
        parts: &mut Parts,
        settings: &Settings,
        origin: &Origin,
    ) -> Result<Option<Caller>, Problem> {
        let address = &counted(&origin.address);
        let access = route.access;
        if access == Access::Public {
            // Functions behind public routes do not need it.
            parts.headers.remove(header::AUTHORIZATION);
            return Ok(None);
        }
        if access == Access::Client
            || access == Access::Optional && !parts.headers.contains_key(header::AUTHORIZATION)
        {
            return Ok(None);
        }
        if access == Access::Local && is_own_machine(parts, settings) {
            return Ok(None);
        }
        self.take_refused(settings, address, 0).await?;
        let password = basic(&parts.headers).filter(|_| access == Access::Local);
        let caller = match (access, password) {
            (_, Some(password)) => self.administrator(password, settings, origin).await,
            (Access::Admin | Access::Local, None) => {
                Admin::from_request_parts(parts, self).await.map(|admin| admin.0)
            }
            _ => scoped(parts, self, route.scope).await,
        };
        if let Err(problem) = &caller
            && problem.status() == StatusCode::UNAUTHORIZED
        {
            self.take_refused(settings, address, 1).await?;
        }
        caller.map(Some).map_err(|problem| match access {
            Access::Local => ask_to_sign_in(problem),
            _ => problem,
        })
    }

    async fn take_refused(
        &self,
        settings: &Settings,
        address: &str,
        cost: u32,
    ) -> Result<(), Problem> {
        let check = settings.quotas.as_ref().map(|quotas| refused_tokens(quotas, address, cost));
        Rates::count(self.ports.limiter(), check).await.map(drop)
    }

    async fn count(
        &self,
        limit: Limit,
        settings: &Settings,
        address: &str,
        person: Option<&str>,
    ) -> Result<Rates, Problem> {
        let quotas = settings.quotas.as_ref();
        let checks = quotas.map(|quotas| checks(limit, quotas, address, person));
        Rates::count(self.ports.limiter(), checks.into_iter().flatten()).await
    }
}

/// Whether the request comes from the local machine. Behind a proxy, all requests would seem to. A
/// proxy need not add header fields that reveal it, but a shop that customers reach through a proxy
/// has a public URL.
fn is_own_machine(parts: &Parts, settings: &Settings) -> bool {
    let text = |name: &str| parts.headers.get_all(name).iter().next_back()?.to_str().ok();
    let host = text("host").or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    settings.proxies_trusted == 0
        && is_local_url(&settings.issuer)
        && is_local(text("spin-client-addr"), host, &parts.headers)
}

fn check_length(route: &Route, headers: &HeaderMap) -> Result<(), Problem> {
    if route.body_bytes_max == 0 {
        return Ok(());
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    if length > route.body_bytes_max { Err(too_large(route.body_bytes_max)) } else { Ok(()) }
}

/// Refuses query parameters that are not in the description, as functions refuse unknown members of
/// bodies. A misspelled parameter would otherwise be ignored silently.
pub(super) fn check_query(route: &Route, query: Option<&str>) -> Result<(), Problem> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(()) };
    let Some(known) = openapi::query_parameters(route) else { return Ok(()) };
    let unknown =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !known.contains(&**name));
    let Some((name, _)) = unknown else { return Ok(()) };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let detail = match known.as_slice() {
        [] => "This path has no query parameters.".to_owned(),
        known => format!("This path has {}.", known.join(", ")),
    };
    Err(Problem::new(ProblemType::UnknownParameter)
        .detail(detail)
        .extension("parameter", name.into_owned()))
}

pub(super) fn too_large(bytes_max: u64) -> Problem {
    Problem::new(ProblemType::BodyTooLarge)
        .detail(format!("At most {bytes_max} bytes are read here."))
}
