//! The permissions of third-party applications: the scopes that the user has granted.

use super::{AuthState, Caller, authenticate, bearer};
use crate::problem::{Problem, ProblemType};
use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use std::marker::PhantomData;

/// A scope, as a type.
pub trait Scope: Send + Sync + 'static {
    /// The name in tokens (RFC 6749, section 3.3).
    const NAME: &'static str;
}

/// An authenticated caller, which may be a third-party application if its token has the scope `S`.
/// Otherwise the extractor works like [`Caller`].
#[derive(Clone, Debug)]
pub struct Scoped<S>(pub Caller, pub PhantomData<S>);

impl<S: Scope, A: AuthState> FromRequestParts<A> for Scoped<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &A) -> Result<Self, Problem> {
        Ok(Self(scoped(parts, state, Some(S::NAME)).await?, PhantomData))
    }
}

/// The caller of a request that third-party applications may make with this scope; without a scope
/// they may not make it.
///
/// # Errors
/// 401 without a valid token, 403 for a token without the scope, 503 without keys.
pub async fn scoped<A: AuthState>(
    parts: &Parts,
    state: &A,
    scope: Option<&str>,
) -> Result<Caller, Problem> {
    let Some(token) = bearer(&parts.headers)? else {
        return Err(Problem::unauthorized("Send an access token: Authorization: Bearer …"));
    };
    let caller = authenticate(token, state.keys()).await?;
    let granted = |scope: &str| caller.scopes.iter().any(|held| held == scope);
    if caller.client.is_none() || scope.is_some_and(granted) {
        return Ok(caller);
    }
    let challenge = "Bearer realm=\"shop\", error=\"insufficient_scope\"";
    let (challenge, detail) = match scope {
        Some(scope) => (
            format!("{challenge}, scope=\"{scope}\""),
            format!("The token needs the scope {scope}."),
        ),
        None => {
            (challenge.to_owned(), "Third-party applications can't use this operation.".to_owned())
        }
    };
    Err(Problem::new(ProblemType::InsufficientScope)
        .header(header::WWW_AUTHENTICATE, &challenge)
        .detail(detail))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::Issuer;
    use super::super::{Admin, KeySet};
    use super::*;

    #[derive(Clone)]
    struct State(KeySet);

    impl AuthState for State {
        type Keys = KeySet;
        fn keys(&self) -> &KeySet {
            &self.0
        }
    }

    struct Orders;

    impl Scope for Orders {
        const NAME: &'static str = "orders:read";
    }

    struct Results {
        caller: u16,
        admin: u16,
        orders: Result<Caller, u16>,
    }

    async fn ask(token: &str) -> Results {
        let state = State(Issuer::new().key_set());
        let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let status = |problem: Problem| problem.status().as_u16();
        let caller = <Caller as FromRequestParts<State>>::from_request_parts(&mut parts, &state);
        let caller = caller.await.map_or_else(status, |_| 200);
        let admin =
            Admin::from_request_parts(&mut parts, &state).await.map_or_else(status, |_| 200);
        let orders = Scoped::<Orders>::from_request_parts(&mut parts, &state).await;
        Results { caller, admin, orders: orders.map(|scoped| scoped.0).map_err(status) }
    }

    #[tokio::test]
    async fn an_application_may_do_only_what_its_scope_allows() {
        let issuer = Issuer::new();
        let results = ask(&issuer.client_token("usr_1", "app", "openid orders:read")).await;
        assert_eq!((results.caller, results.admin), (403, 403));
        let caller = results.orders.unwrap();
        assert_eq!((caller.user_id.as_str(), caller.client.as_deref()), ("usr_1", Some("app")));
        assert!(caller.roles.is_empty(), "roles are the person's, not the application's");
        let results = ask(&issuer.client_token("usr_1", "app", "openid orders:reader")).await;
        assert_eq!(results.orders.unwrap_err(), 403);
    }

    #[tokio::test]
    async fn the_shops_own_pages_need_no_scope() {
        let results = ask(&Issuer::new().token("usr_1", &["admin"])).await;
        assert_eq!((results.caller, results.admin), (200, 200));
        assert_eq!(results.orders.unwrap().client, None);
    }
}
