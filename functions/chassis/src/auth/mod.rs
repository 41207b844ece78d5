//! Who is calling: access tokens, verified again by every function.
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

/// The role that may do everything an administrator does.
pub const ADMIN: &str = "admin";

/// One Ed25519 public key (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Names the key in a token's header.
    pub kid: String,
    /// The 32 bytes of the key, base64url without padding.
    pub x: String,
}

/// Whom to believe: what a token is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// Must equal the token's `iss`.
    pub issuer: String,
    /// Must be among the token's `aud`.
    pub audience: String,
    /// The keys in force.
    pub keys: Vec<Key>,
}

/// The keys can't be had now; answered as 503.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the keys that tokens are checked with can't be had: {0}")]
pub struct KeysUnavailable(pub String);

/// Where the keys come from: the contract in a component, a value in tests.
pub trait KeySource: Clone + Send + Sync + 'static {
    /// The keys in force now, or a short while ago.
    fn current(&self) -> impl Future<Output = Result<KeySet, KeysUnavailable>> + Send;

    /// A token names a key that [`KeySource::current`] did not have: whether asking again may
    /// bring it. Sources that remember forget, but not so often that made-up names could
    /// make them ask all the time.
    fn forget(&self) -> bool {
        false
    }
}

impl KeySource for KeySet {
    async fn current(&self) -> Result<KeySet, KeysUnavailable> {
        Ok(self.clone())
    }
}

/// A router state that knows where the keys come from.
pub trait AuthState: Clone + Send + Sync + 'static {
    /// Its kind of key source.
    type Keys: KeySource;

    /// The key source.
    fn keys(&self) -> &Self::Keys;
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

/// A caller with the role [`ADMIN`]. As an extractor: 403 for everybody else.
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

/// What this instance has checked; see [`ProofMemo`] for why that can't be wrong.
static PROOFS: ProofMemo = ProofMemo::new();

/// Verify a token with the keys in force.
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
