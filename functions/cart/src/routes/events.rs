//! Events of other functions. The cart subscribes to one: an account was deleted.

use axum::extract::State;
use axum::http::StatusCode;
use chassis::auth::KeySource;
use chassis::events::Received;
use chassis::problem::Result;
use chassis::sealed::forgotten;
use chassis::store::Store;

use super::App;
use crate::ports::Products;

pub(super) async fn receive<S: Store, P: Products, K: KeySource>(
    State(app): State<App<S, P, K>>,
    Received(events): Received,
) -> Result<StatusCode> {
    for event in &events {
        if let Some(user_id) = forgotten(event)? {
            app.carts.forget(&user_id).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
