//! The private route for the clock that this host lacks.

use crate::service::{Broker, WorkReport};
use crate::ports::{Clock, Subscriber};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chassis::store::Store;
use serde::Serialize;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Serialize)]
struct Swept {
    #[serde(flatten)]
    worked: WorkReport,
    /// Segments of the log that were too old.
    removed_segments: usize,
}

/// `POST /sweep`: deliver what is due, and remove what is too old. Answers counts.
pub fn router<S: Store, D: Subscriber, C: Clock>(broker: Broker<S, D, C>) -> Router {
    Router::new().route("/sweep", post(sweep)).with_state(broker)
}

async fn sweep<S: Store, D: Subscriber, C: Clock>(
    State(broker): State<Broker<S, D, C>>,
) -> chassis::Result<Json<Swept>> {
    let worked = broker.work().await;
    let removed_segments = broker.tidy().await?;
    Ok(Json(Swept { worked, removed_segments }))
}
