//! Telling the process where to die. Only in a build for tests.

use super::reply::{self, Reply};
use super::route::Call;
use crate::fault_points;
use crate::problem::Code;
use http_body_util::{BodyExt, Limited};
use serde_json::json;

/// Far above any orders.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// The orders, and which points were reached.
pub(super) fn report() -> Reply {
    reply::json(&json!(fault_points::report()))
}

pub(super) async fn set(call: Call<'_>) -> Reply {
    let body = Limited::new(call.body, BODY_MAX_BYTES).collect().await;
    let orders = match body {
        Ok(body) => serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match orders {
        Ok(orders) => {
            fault_points::set(orders);
            reply::no_content()
        }
        Err(error) => reply::problem(Code::BadRequest, &error),
    }
}
