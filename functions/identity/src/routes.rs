//! Identity over HTTP: accounts and sessions for the shop, OAuth 2 and OpenID Connect for
//! other applications.

mod applications;
mod authorize;
mod client;
mod credentials;
mod discovery;
mod errors;
mod keys;
mod page;
mod parameters;
mod passwords;
mod token;
mod users;

use crate::domain::token::AUDIENCE;
use crate::ports::Environment;
use crate::service::{Error, Identity};
use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};
use chassis::auth::{AuthState, Key, KeySet, KeySource, KeysUnavailable};
use chassis::store::Store;

/// All routes of identity.
pub fn router<S: Store, E: Environment>(identity: Identity<S, E>) -> Router {
    Router::new()
        .route("/api/v1/users", post(users::register::<S, E>))
        .route("/api/v1/users/me", me::<S, E>())
        .route("/api/v1/users/me/password", post(passwords::change::<S, E>))
        .route("/api/v1/users/me/applications", get(applications::list::<S, E>))
        .route("/api/v1/users/me/applications/{client_id}", delete(applications::withdraw::<S, E>))
        .route("/api/v1/password-resets", post(passwords::ask_for_reset::<S, E>))
        .route("/api/v1/password-resets/{token}", put(passwords::reset::<S, E>))
        .route("/api/v1/admin/signing-keys", get(keys::list::<S, E>).post(keys::rotate::<S, E>))
        .route("/api/v1/sessions", sessions::<S, E>())
        .route("/oauth2/authorize", get(authorize::show::<S, E>).post(authorize::submit::<S, E>))
        .route("/oauth2/token", post(token::token::<S, E>))
        .route("/oauth2/revoke", post(token::revoke::<S, E>))
        .route("/.well-known/openid-configuration", get(discovery::configuration::<S, E>))
        .route("/.well-known/jwks.json", get(discovery::jwks::<S, E>))
        .route("/sweep", post(users::sweep::<S, E>))
        .with_state(identity)
}

/// Operations on the caller's own account.
fn me<S: Store, E: Environment>() -> MethodRouter<Identity<S, E>> {
    get(users::me::<S, E>).patch(users::change::<S, E>).delete(passwords::delete_account::<S, E>)
}

/// Signing in, and signing out everywhere.
fn sessions<S: Store, E: Environment>() -> MethodRouter<Identity<S, E>> {
    post(users::open_session::<S, E>).delete(users::end_sessions::<S, E>)
}

/// Identity checks its own callers with its own keys: it must not call itself for them.
impl<S: Store, E: Environment> KeySource for Identity<S, E> {
    async fn current(&self) -> Result<KeySet, KeysUnavailable> {
        self.key_set().await.map_err(|error| KeysUnavailable(format!("{error:?}")))
    }
}

impl<S: Store, E: Environment> AuthState for Identity<S, E> {
    type Keys = Self;

    fn keys(&self) -> &Self {
        self
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Whom to believe, as the contract `keys` says it.
    pub async fn key_set(&self) -> Result<KeySet, Error> {
        let issuer = self.settings().await?.issuer;
        let ring = self.key_ring().await?;
        let keys = ring.keys.into_iter().map(|key| Key { kid: key.kid, x: key.x }).collect();
        Ok(KeySet { issuer, audience: AUDIENCE.to_owned(), keys })
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
