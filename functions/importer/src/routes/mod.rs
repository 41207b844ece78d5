//! The one route of the importer, private: the host calls it once at start.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chassis::http::Outbound;
use chassis::problem::{Problem, ProblemType, Result};
use chassis::store::Store;
use serde::Serialize;

use crate::domain::{DATA, Data};
use crate::ports::Pause;
use crate::service::{Error, Importer, Summary};

/// `POST /import` over `importer`.
pub fn router<S: Store, H: Outbound, P: Pause>(importer: Importer<S, H, P>) -> Router {
    Router::new().route("/import", post(import::<S, H, P>)).with_state(importer)
}

/// What an import did.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ImportReport"))]
struct Report {
    /// `unchanged` if there was nothing to do.
    #[cfg_attr(test, schemars(extend("enum" = ["imported", "unchanged"])))]
    status: &'static str,
    #[serde(flatten)]
    summary: Summary,
}

/// 200 when everything is in the shop. 502 when the shop stopped the import: what got
/// through is remembered, and the same call goes on from there.
async fn import<S: Store, H: Outbound, P: Pause>(
    State(importer): State<Importer<S, H, P>>,
) -> Result<Json<Report>> {
    let data = Data::parse(DATA).map_err(|error| {
        eprintln!("the data file can't be read: {error}");
        Problem::internal()
    })?;
    let summary = importer.import(&data).await.map_err(problem)?;
    let status = if summary.imported == 0 { "unchanged" } else { "imported" };
    Ok(Json(Report { status, summary }))
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::Shop(failure) => {
            let detail = format!("{}: {}", failure.call, failure.reason);
            eprintln!("the import stopped: {detail}");
            Problem::new(ProblemType::ImportStopped).detail(detail)
        }
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
