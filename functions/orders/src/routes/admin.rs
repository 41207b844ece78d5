//! The operations of administrators: inspecting and resuming a checkout.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use chassis::Result;
use chassis::auth::{Admin, KeySource};
use chassis::clock::Timer;
use chassis::store::Store;
use http::StatusCode;

use super::refusal::not_resumed;
use super::saga::SagaView;
use super::{Api, shown};
use crate::ports::Participants;

impl<S: Store, P: Participants, T: Timer, K: KeySource> Api<S, P, T, K> {
    /// The saga as it is recorded, without continuing it.
    pub(super) async fn saga(
        State(api): State<Self>,
        _: Admin,
        Path(id): Path<String>,
    ) -> Result<Json<SagaView>> {
        let loaded = api.recorded(&id).await?;
        Ok(Json(SagaView::of(&loaded.order, &loaded.history()?)))
    }

    pub(super) async fn resume(
        State(api): State<Self>,
        admin: Admin,
        Path(id): Path<String>,
    ) -> Result<Response> {
        api.recorded(&id).await?;
        let loaded = api.orders.resume(&id, &admin.0.user_id).await.map_err(not_resumed)?;
        Ok(shown(StatusCode::OK, &loaded))
    }
}
