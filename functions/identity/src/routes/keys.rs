//! `/api/v1/admin/signing-keys`: listing and rotating the signing keys.

use super::App;
use crate::domain::key::{KEY_BEHIND_MS, KeyRing};
use crate::ports::Environment;
use crate::service::Rotation;
use axum::Json;
use axum::extract::State;
use chassis::Result;
use chassis::auth::Admin;
use chassis::clock::rfc3339;
use chassis::form::JsonBody;
use chassis::page::Page;
use chassis::store::Store;
use serde::Serialize;

/// The signing keys, newest first.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SigningKeys {
    /// How long a key is accepted after its successor has started to sign, in milliseconds.
    believed_after_ms: u64,
    #[serde(flatten)]
    page: Page<SigningKey>,
}

/// The public half of a signing key.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct SigningKey {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    created_at: String,
    kid: String,
    #[cfg_attr(test, schemars(extend("enum" = ["waiting", "signing", "ending"])))]
    state: &'static str,
}

impl<S: Store, E: Environment> App<S, E> {
    pub(super) async fn list_keys(
        State(App(identity)): State<Self>,
        _: Admin,
    ) -> Result<Json<SigningKeys>> {
        Ok(Json(represent(&identity.key_ring().await?, identity.now_ms())))
    }

    /// Creates a new key. `{"compromised": true}` revokes all others immediately.
    pub(super) async fn rotate_keys(
        State(App(identity)): State<Self>,
        _: Admin,
        body: JsonBody,
    ) -> Result<Json<SigningKeys>> {
        let mut fields = body.fields();
        let compromised = fields.optional_boolean("compromised").unwrap_or_default();
        fields.finish()?;
        let rotation = if compromised { Rotation::Compromised } else { Rotation::Overlapping };
        Ok(Json(represent(&identity.rotate_keys(rotation).await?, identity.now_ms())))
    }
}

/// The public keys, newest first, with their states.
fn represent(ring: &KeyRing, now_ms: u64) -> SigningKeys {
    let signing = ring.signing(now_ms).map(|key| key.kid.as_str());
    let mut is_older = false;
    let mut items = Vec::new();
    for key in &ring.keys {
        let is_signing = signing == Some(&key.kid);
        let state = match (is_signing, is_older) {
            (true, _) => "signing",
            (false, false) => "waiting",
            (false, true) => "ending",
        };
        is_older |= is_signing;
        let created_at = rfc3339(key.created_at_ms);
        items.push(SigningKey { created_at, kid: key.kid.clone(), state });
    }
    SigningKeys { believed_after_ms: KEY_BEHIND_MS, page: Page { items, next_cursor: None } }
}
