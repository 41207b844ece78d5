//! The internal route for scheduled work.

use crate::ports::Subscriber;
use crate::service::{Broker, WorkReport};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chassis::clock::Clock;
use chassis::store::Store;
use serde::Serialize;

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Serialize)]
struct SweepReport {
    #[serde(flatten)]
    delivery: WorkReport,
    /// Removed segments of the log.
    removed_segments: usize,
}

/// `POST /sweep`: delivers due events and removes old ones.
pub fn router<S: Store, D: Subscriber, C: Clock>(broker: Broker<S, D, C>) -> Router {
    Router::new().route("/sweep", post(sweep)).with_state(broker)
}

async fn sweep<S: Store, D: Subscriber, C: Clock>(
    State(broker): State<Broker<S, D, C>>,
) -> chassis::Result<Json<SweepReport>> {
    let delivery = broker.work().await;
    let removed_segments = broker.tidy().await?;
    Ok(Json(SweepReport { delivery, removed_segments }))
}
