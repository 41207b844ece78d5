//! What other functions publish.
//!
//! The broker gives an event again unless it is answered 2xx or refused: 422 says that it can't
//! be acted on as things are (it becomes a dead letter, to be replayed when the template or the
//! data is mended), 503 that it may be in a moment.

use axum::extract::State;
use chassis::auth::KeySource;
use chassis::clock::now_ms;
use chassis::events::Received;
use chassis::store::Store;
use chassis::{Problem, Result};
use http::StatusCode;

use super::App;
use super::requests::problem;
use crate::ports::{Provider, Templates, Users};

pub(super) async fn receive<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    State(app): State<App<S, T, U, P, K>>,
    Received(events): Received,
) -> Result<StatusCode> {
    for event in &events {
        let done = app.notifications.receive(event, now_ms()).await;
        done.map_err(|refusal| -> Problem {
            eprintln!("{} {}: {refusal}", event.kind, event.id);
            problem(refusal)
        })?;
    }
    Ok(StatusCode::NO_CONTENT)
}
