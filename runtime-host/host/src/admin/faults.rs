//! The faults that an operator injects.

use super::AdminState;
use super::reply::{self, Reply};
use crate::chaos::{AddError, FAULTS_MAX, Fault, Faults};
use crate::problem::Code;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

/// Far above any fault.
const BODY_MAX_BYTES: usize = 16 * 1024;

/// `/faults` and `/faults/{id}`.
pub(super) async fn respond(
    request: Request<Incoming>,
    state: &AdminState,
    id: Option<&str>,
) -> Reply {
    let Some(faults) = &state.faults else {
        let detail = "This host was started without --chaos, so no faults can be injected.";
        return reply::problem(Code::NOT_FOUND, detail);
    };
    match (request.method(), id) {
        (&Method::POST, None) => add(request, faults).await,
        (&Method::DELETE, None) => {
            faults.clear();
            reply::no_content()
        }
        (&Method::DELETE, Some(id)) => match id.parse().is_ok_and(|id| faults.remove(id)) {
            true => reply::no_content(),
            false => reply::problem(Code::NOT_FOUND, "There is no active fault with this number."),
        },
        _ => reply::json(&json!({ "faults": faults.views() })),
    }
}

async fn add(request: Request<Incoming>, faults: &Faults) -> Reply {
    let body = Limited::new(request.into_body(), BODY_MAX_BYTES).collect().await;
    let fault: Result<Fault, String> = match body {
        Ok(body) => serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let added = fault.map_err(AddError::Invalid).and_then(|fault| faults.add(fault));
    match added {
        Ok(id) => {
            let mut reply = reply::json(&json!({ "id": id }));
            *reply.status_mut() = StatusCode::CREATED;
            reply
        }
        Err(AddError::Invalid(reason)) => reply::problem(Code::BadRequest, &reason),
        Err(AddError::Full) => {
            let detail = format!("There are {FAULTS_MAX} active faults already: remove some.");
            reply::problem(Code::BadRequest, &detail)
        }
    }
}
