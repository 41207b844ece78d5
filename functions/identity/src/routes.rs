//! Identity over HTTP: accounts and sessions for the shop, OAuth 2 and OpenID Connect for
//! third-party applications.

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
use axum::routing::{delete, get, post, put};
use chassis::auth::{AuthState, Key, KeySet, KeySource, KeysUnavailable};
use chassis::store::Store;

/// All routes of identity.
pub fn router<S: Store, E: Environment>(identity: Identity<S, E>) -> Router {
    let me =
        get(App::<S, E>::me).patch(App::<S, E>::change_profile).delete(App::<S, E>::delete_account);
    let sessions = post(App::<S, E>::open_session).delete(App::<S, E>::end_sessions);
    let keys = get(App::<S, E>::list_keys).post(App::<S, E>::rotate_keys);
    let applications = "/api/v1/users/me/applications";
    Router::new()
        .route("/api/v1/users", post(App::<S, E>::register))
        .route("/api/v1/users/me", me)
        .route("/api/v1/users/me/password", post(App::<S, E>::change_password))
        .route(applications, get(App::<S, E>::list_applications))
        .route(&format!("{applications}/{{client_id}}"), delete(App::<S, E>::withdraw_consent))
        .route("/api/v1/password-resets", post(App::<S, E>::request_reset))
        .route("/api/v1/password-resets/{token}", put(App::<S, E>::reset_password))
        .route("/api/v1/admin/signing-keys", keys)
        .route("/api/v1/sessions", sessions)
        .route(
            "/oauth2/authorize",
            get(App::<S, E>::show_sign_in).post(App::<S, E>::submit_sign_in),
        )
        .route("/oauth2/token", post(App::<S, E>::issue_tokens))
        .route("/oauth2/revoke", post(App::<S, E>::revoke_token))
        .route("/.well-known/openid-configuration", get(App::<S, E>::configuration))
        .route("/.well-known/jwks.json", get(App::<S, E>::jwks))
        .route("/sweep", post(App::<S, E>::sweep))
        .with_state(App(identity))
}

#[derive(Clone)]
struct App<S, E>(Identity<S, E>);

/// Identity verifies the tokens of its own callers with its own keys: it must not call itself.
impl<S: Store, E: Environment> KeySource for App<S, E> {
    async fn current(&self) -> Result<KeySet, KeysUnavailable> {
        self.0.key_set().await.map_err(|error| KeysUnavailable(format!("{error:?}")))
    }
}

impl<S: Store, E: Environment> AuthState for App<S, E> {
    type Keys = Self;

    fn keys(&self) -> &Self {
        self
    }
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// The keys with which tokens are verified, for the contract `keys`.
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
