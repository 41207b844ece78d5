//! Authentication: access tokens, which every function verifies itself.
//!
//! The gateway checks tokens too, but a function does not rely on it: it verifies the
//! signature with the keys of the contract `shop:identity/keys`. A router state that
//! implements [`AuthState`] makes [`Caller`], [`Admin`] and [`Scoped`] usable as extractors.
//!
//! [`Caller`] and [`Admin`] refuse a token that was issued to a third-party application. Only a
//! route that uses [`Scoped`] accepts it, if the user has granted that scope.

mod memo;
mod proof;
mod scope;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token;

pub use memo::{FETCH_MAX_MS, KEPT_MS, KeyMemo, REFRESH_MS, RETRY_MS, STALE_MAX_MS, in_time};
pub use proof::{PROOFS_MAX, ProofMemo};
pub use scope::{Scope, Scoped, scoped};
pub use token::{TOKEN_CHARS_MAX, TokenError, clients_audience, verify};

use crate::clock::now_ms;
use crate::problem::{Problem, ProblemType};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use std::future::Future;

/// The role of administrators.
pub const ADMIN: &str = "admin";

/// One Ed25519 public key (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key id in a token's header.
    pub kid: String,
    /// The 32 bytes of the key, base64url without padding.
    pub x: String,
}

/// What tokens are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// Must equal the token's `iss`.
    pub issuer: String,
    /// Must be among the token's `aud`.
    pub audience: String,
    /// The valid keys.
    pub keys: Vec<Key>,
}

/// The keys are not available now; reported as 503.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the keys that tokens are checked with are not available: {0}")]
pub struct KeysUnavailable(pub String);

/// The source of the keys: the contract in a component, a value in tests.
pub trait KeySource: Clone + Send + Sync + 'static {
    /// The keys that are valid now, or were a short time ago.
    fn current(&self) -> impl Future<Output = Result<KeySet, KeysUnavailable>> + Send;

    /// To be called if a token has a key id that [`KeySource::current`] did not return. Returns
    /// whether another call may return it. A source with a cache drops it, but not so often that
    /// invented ids cause a fetch each.
    fn forget(&self) -> bool {
        false
    }
}

impl KeySource for KeySet {
    async fn current(&self) -> Result<KeySet, KeysUnavailable> {
        Ok(self.clone())
    }
}

/// A router state with a key source.
pub trait AuthState: Clone + Send + Sync + 'static {
    /// The type of the key source.
    type Keys: KeySource;

    /// The key source.
    fn keys(&self) -> &Self::Keys;
}

/// Implements [`AuthState`] for a state with a field `keys`, whose type is the last parameter:
/// `auth_state!(App<S: Store; K>)`.
#[macro_export]
macro_rules! auth_state {
    ($state:ident<$($parameter:ident: $bound:ident),+; $keys:ident>) => {
        impl<$($parameter: $bound,)+ $keys: $crate::auth::KeySource> $crate::auth::AuthState
            for $state<$($parameter,)+ $keys>
        {
            type Keys = $keys;

            fn keys(&self) -> &$keys {
                &self.keys
            }
        }
    };
}

/// An authenticated caller. As an extractor: 401 without a valid token, 403 for a token of a
/// third-party application, 503 without keys. `Option<Caller>` lets a request without a token pass,
/// but not one with a bad token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's `sub`: `usr_…`.
    pub user_id: String,
    /// The token's roles.
    pub roles: Vec<String>,
    /// The token's scopes.
    pub scopes: Vec<String>,
    /// The third-party application that acts for the user; `None` for the shop's own pages.
    pub client: Option<String>,
    /// The token's `jti`.
    pub token_id: String,
}

impl Caller {
    /// Whether the caller has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|has| has == role)
    }

    /// Whether the caller is an administrator.
    pub fn is_admin(&self) -> bool {
        self.has_role(ADMIN)
    }
}

/// A caller with the role [`ADMIN`]. As an extractor: 403 for other callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin(pub Caller);

impl<S: AuthState> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Caller, Problem> {
        scoped(parts, state, None).await
    }
}

impl<S: AuthState> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Caller>, Problem> {
        match bearer(&parts.headers)? {
            None => Ok(None),
            Some(_) => scoped(parts, state, None).await.map(Some),
        }
    }
}

impl<S: AuthState> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Admin, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if caller.is_admin() {
            return Ok(Admin(caller));
        }
        let challenge = "Bearer realm=\"shop\", error=\"insufficient_scope\"";
        Err(Problem::forbidden("This needs the role admin.")
            .header(header::WWW_AUTHENTICATE, challenge))
    }
}

/// The verified signatures of this instance.
static PROOFS: ProofMemo = ProofMemo::new();

/// Verifies a token with the valid keys.
pub async fn authenticate(token: &str, keys: &impl KeySource) -> Result<Caller, Problem> {
    let now_s = now_ms() / 1_000;
    let caller = match verify(token, &trusted(keys).await?, now_s, &PROOFS) {
        Err(TokenError::Key) if keys.forget() => {
            verify(token, &trusted(keys).await?, now_s, &PROOFS)
        }
        other => other,
    };
    caller.map_err(|error| invalid_token(&error.to_string()))
}

async fn trusted(keys: &impl KeySource) -> Result<KeySet, Problem> {
    keys.current().await.map_err(|error| {
        eprintln!("{error}");
        Problem::unavailable("Tokens can't be checked now.", 1)
    })
}

/// The token of the one `Authorization: Bearer` header; `None` if there is no such header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_request("Send one Authorization header, not several."));
    }
    let text = value.to_str().map_err(|_| invalid_token("not ASCII"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Problem::unauthorized("Only the scheme Bearer is understood.")),
    }
}

fn invalid_token(reason: &str) -> Problem {
    let challenge =
        format!("Bearer realm=\"shop\", error=\"invalid_token\", error_description=\"{reason}\"");
    Problem::new(ProblemType::InvalidToken)
        .header(header::WWW_AUTHENTICATE, &challenge)
        .detail(reason)
}

#[cfg(test)]
mod tests;
