//! The documents that others need to verify tokens: OpenID Connect Discovery, RFC 8414, JWKS.

use super::App;
use crate::domain::client::SCOPES;
use crate::domain::key::KeyRecord;
use crate::ports::Environment;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chassis::Result;
use chassis::store::Store;
use http::header;
use serde::Serialize;
use serde_json::{Value, json};

/// An hour limits how long caches do not know a new key.
const CACHE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=3600")];

/// RFC 7517; public keys only.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct KeySet {
    keys: Vec<PublicKey>,
}

/// A public key. It has its own type, so that it can't contain the private key.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, deny_unknown_fields))]
struct PublicKey {
    #[cfg_attr(test, schemars(extend("const" = "EdDSA")))]
    alg: &'static str,
    #[cfg_attr(test, schemars(extend("const" = "Ed25519")))]
    crv: &'static str,
    kid: String,
    #[cfg_attr(test, schemars(extend("const" = "OKP")))]
    kty: &'static str,
    #[cfg_attr(test, schemars(extend("const" = "sig")))]
    #[serde(rename = "use")]
    purpose: &'static str,
    x: String,
}

impl<S: Store, E: Environment> App<S, E> {
    pub(super) async fn configuration(State(App(identity)): State<Self>) -> Result<Response> {
        let issuer = identity.settings().await?.issuer;
        Ok((CACHE, Json(document(&issuer))).into_response())
    }

    pub(super) async fn jwks(State(App(identity)): State<Self>) -> Result<Response> {
        let public = |KeyRecord { kid, x, .. }: KeyRecord| PublicKey {
            alg: "EdDSA",
            crv: "Ed25519",
            kid,
            kty: "OKP",
            purpose: "sig",
            x,
        };
        let keys = identity.key_ring().await?.keys.into_iter().map(public).collect();
        Ok((CACHE, Json(KeySet { keys })).into_response())
    }
}

/// The OpenID configuration.
pub(super) fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "revocation_endpoint": format!("{issuer}/oauth2/revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "scopes_supported": SCOPES.map(|(scope, _)| scope),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "locale", "email"
        ],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
