//! The configuration of components: what an operator sees and changes.

use super::query::Query;
use super::reply::{self, Reply};
use super::revisions::{checked, refused, whole};
use super::route::Call;
use crate::problem::Code;
use crate::rollouts::{Applied, Refused, Values};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;

/// The largest body with values.
const BODY_MAX_BYTES: usize = 1 << 20;

/// The values of variables, and the configurations in force.
pub(super) async fn show(call: Call<'_>) -> Reply {
    match call.state.configurator.shown().await {
        Ok(shown) => reply::json(&shown),
        Err(error) => refused(&error),
    }
}

/// Changes values of variables.
pub(super) async fn set(call: Call<'_>) -> Reply {
    let by = match by(&call.query) {
        Ok(by) => by,
        Err(reason) => return reply::problem(Code::BadRequest, &reason),
    };
    let values = match values(call.body).await {
        Ok(values) => values,
        Err(reason) => return reply::problem(Code::BadRequest, &reason),
    };
    let configurator = call.state.configurator.clone();
    answer(whole(async move { configurator.set(values, by).await }).await)
}

/// Reads the manifest and the files again.
pub(super) async fn reload(call: Call<'_>) -> Reply {
    let configurator = call.state.configurator.clone();
    match by(&call.query) {
        Ok(by) => answer(whole(async move { configurator.reload(by).await }).await),
        Err(reason) => reply::problem(Code::BadRequest, &reason),
    }
}

fn answer(applied: Result<Vec<Applied>, Refused>) -> Reply {
    match applied {
        Ok(applied) => reply::json(&json!({ "applied": applied })),
        Err(error) => refused(&error),
    }
}

async fn values(body: Incoming) -> Result<Values, String> {
    let body = Limited::new(body, BODY_MAX_BYTES).collect().await;
    let body = body.map_err(|error| format!("the body can't be read: {error}"))?.to_bytes();
    // The error could quote the body, and with it a secret.
    serde_json::from_slice(&body).map_err(|error| {
        format!(
            "line {}, column {}: write {{ \"set\": {{ \"<name>\": \"<value>\" }}, \"unset\": \
             [\"<name>\"] }}",
            error.line(),
            error.column()
        )
    })
}

fn by(query: &str) -> Result<String, String> {
    checked(Query::parse(query, &["by"])?.take("by").unwrap_or_default())
}
