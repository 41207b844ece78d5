//! `/api/v1/users/me/applications`: the third-party applications that the user has authorized.

use super::App;
use super::errors::of_caller;
use crate::domain::grants::Consent;
use crate::ports::Environment;
use axum::Json;
use axum::extract::{Path, State};
use chassis::Result;
use chassis::auth::Caller;
use chassis::clock::rfc3339;
use chassis::page::Page;
use chassis::store::Store;
use http::{StatusCode, header};
use serde::Serialize;

/// A third-party application that the user has authorized.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Application"))]
pub(super) struct ApplicationView {
    client_id: String,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    granted_at: String,
    name: String,
    scopes: Vec<String>,
}

type NoStore = [(header::HeaderName, &'static str); 1];

impl<S: Store, E: Environment> App<S, E> {
    /// Lists all of them, at most [`CONSENTS_MAX`](crate::domain::grants::CONSENTS_MAX).
    pub(super) async fn list_applications(
        State(App(identity)): State<Self>,
        caller: Caller,
    ) -> Result<(NoStore, Json<Page<ApplicationView>>)> {
        let clients = identity.settings().await?.clients;
        let name = |id: &str| {
            let client = clients.iter().find(|client| client.id == id);
            client.map_or(id, |client| client.name()).to_owned()
        };
        let consents = identity.consents(&caller.user_id).await.map_err(of_caller)?;
        let view = |consent: Consent| ApplicationView {
            granted_at: rfc3339(consent.granted_at_ms),
            name: name(&consent.client_id),
            scopes: consent.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            client_id: consent.client_id,
        };
        let items = consents.into_iter().map(view).collect();
        let no_store = [(header::CACHE_CONTROL, "no-store")];
        Ok((no_store, Json(Page { items, next_cursor: None })))
    }

    pub(super) async fn withdraw_consent(
        State(App(identity)): State<Self>,
        caller: Caller,
        Path(client_id): Path<String>,
    ) -> Result<StatusCode> {
        identity.withdraw_consent(&caller.user_id, &client_id).await.map_err(of_caller)?;
        Ok(StatusCode::NO_CONTENT)
    }
}
