//! The faults that an operator injects.

use super::reply::{self, Reply};
use super::route::Call;
use crate::chaos::{AddError, FAULTS_MAX, Fault, Faults};
use crate::problem::Code;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use serde_json::json;

/// Far above any fault.
const BODY_MAX_BYTES: usize = 16 * 1024;

/// No faults can be injected.
pub(super) fn none() -> Reply {
    let detail = "This host was started without --chaos, so no faults can be injected.";
    reply::problem(Code::NOT_FOUND, detail)
}

pub(super) async fn list(faults: &Faults, _: Call<'_>) -> Reply {
    reply::json(&json!({ "faults": faults.views() }))
}

pub(super) async fn remove(faults: &Faults, call: Call<'_>) -> Reply {
    match call.value(0).parse().is_ok_and(|id| faults.remove(id)) {
        true => reply::no_content(),
        false => reply::problem(Code::NOT_FOUND, "There is no active fault with this number."),
    }
}

pub(super) async fn clear(faults: &Faults, _: Call<'_>) -> Reply {
    faults.clear();
    reply::no_content()
}

pub(super) async fn add(faults: &Faults, call: Call<'_>) -> Reply {
    let body = Limited::new(call.body, BODY_MAX_BYTES).collect().await;
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
