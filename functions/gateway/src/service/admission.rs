//! Who asks, and is it too much? Everything here happens before any function works.

use super::{Gateway, Origin};
use crate::domain::quota::{Checked, Limit, checks, limit_field, policy_field, retry_after_s};
use crate::domain::route::{Access, Route};
use crate::domain::{account, address, headers};
use crate::ports::{Limiter, Ports, Settings};
use axum::body::Body;
use axum::extract::FromRequestParts as _;
use chassis::Problem;
use chassis::auth::{Admin, AuthState, Caller};
use chassis::form::read_limited;
use http::{HeaderMap, Request, StatusCode, header};

/// A request that may go on.
pub(super) struct Admitted {
    pub(super) request: Request<Body>,
    pub(super) rates: Rates,
}

/// What the answer says about limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates(Vec<Checked>);

impl Rates {
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if !self.0.is_empty() {
            headers::set(headers, "ratelimit-policy", &policy_field(&self.0));
            headers::set(headers, "ratelimit", &limit_field(&self.0));
        }
    }
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
        let person = match route.access {
            Access::Public => {
                // Nobody behind a public route has use for it.
                parts.headers.remove(header::AUTHORIZATION);
                None
            }
            Access::Optional if !parts.headers.contains_key(header::AUTHORIZATION) => None,
            Access::Optional | Access::User => {
                Some(Caller::from_request_parts(&mut parts, self).await?)
            }
            Access::Admin => Some(Admin::from_request_parts(&mut parts, self).await?.0),
        };
        let (body, account) = match route.limit {
            Limit::Credentials => named_account(&parts.headers, body, route).await?,
            _ => (body, None),
        };
        let person = person.as_ref().map(|caller| caller.user_id.as_str());
        let rates = self.count(route.limit, settings, origin, person, account.as_deref()).await?;
        Ok(Admitted { request: Request::from_parts(parts, body), rates })
    }

    /// Asks the limiter. Where it can't answer, the call passes: a shop that is open is
    /// worth more than a quota.
    async fn count(
        &self,
        limit: Limit,
        settings: &Settings,
        origin: &Origin,
        person: Option<&str>,
        account: Option<&str>,
    ) -> Result<Rates, Problem> {
        let Some(quotas) = &settings.quotas else { return Ok(Rates::default()) };
        let address = address::counted(&origin.address);
        let mut rates = Rates::default();
        for check in checks(limit, quotas, &address, person, account) {
            match self.ports.limiter().check(&check).await {
                Ok(decision) => rates.0.push((check, decision)),
                Err(reason) => eprintln!("no rate limit {}: {reason}", check.policy),
            }
            if rates.0.last().is_some_and(|(_, decision)| !decision.allowed) {
                return Err(too_many(&rates));
            }
        }
        Ok(rates)
    }
}

fn check_length(route: &Route, headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    if length > route.body_bytes_max { Err(too_large(route.body_bytes_max)) } else { Ok(()) }
}

/// Reads the one kind of body that is looked into: attempts are counted per account.
async fn named_account(
    headers: &HeaderMap,
    body: Body,
    route: &Route,
) -> Result<(Body, Option<String>), Problem> {
    let bytes_max = usize::try_from(route.body_bytes_max).unwrap_or(usize::MAX);
    let bytes = read_limited(body, bytes_max).await?;
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = media_type.is_some_and(|kind| kind.starts_with("application/json"));
    let account = account::of_body(&bytes, is_json);
    Ok((Body::from(bytes), account))
}

pub(super) fn too_large(bytes_max: u64) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
        .detail(format!("At most {bytes_max} bytes are read here."))
}

fn too_many(rates: &Rates) -> Problem {
    let violated: Vec<&str> = rates
        .0
        .iter()
        .filter(|(_, decision)| !decision.allowed)
        .map(|(check, _)| check.policy)
        .collect();
    let retry_after_s = retry_after_s(&rates.0);
    let field = header::HeaderName::from_static("ratelimit");
    let policy = header::HeaderName::from_static("ratelimit-policy");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota-exceeded", "Too many requests")
        .detail(format!("Try again in {retry_after_s} s."))
        .extension("violated-policies", violated)
        .extension("retry_after", retry_after_s)
        .header(header::RETRY_AFTER, &retry_after_s.to_string())
        .header(field, &limit_field(&rates.0))
        .header(policy, &policy_field(&rates.0))
}
