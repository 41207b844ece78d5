//! The only route of the importer. It is private: the host calls it at startup.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chassis::clock::Timer;
use chassis::http::Outbound;
use chassis::problem::{Problem, ProblemType, Result};
use chassis::store::Store;
use serde::Serialize;

use crate::domain::{DATA, Data};
use crate::service::{Error, Importer, Summary};

/// `POST /import` over `importer`.
pub fn router<S: Store, H: Outbound, T: Timer>(importer: Importer<S, H, T>) -> Router {
    Router::new().route("/import", post(import::<S, H, T>)).with_state(importer)
}

/// The result of an import.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ImportReport"))]
struct Report {
    /// `unchanged` if there was nothing to do.
    #[cfg_attr(test, schemars(extend("enum" = ["imported", "unchanged"])))]
    status: &'static str,
    #[serde(flatten)]
    summary: Summary,
}

/// 200 if all products are in the shop. 502 if the shop stopped the import: the progress is stored,
/// and the same call continues.
async fn import<S: Store, H: Outbound, T: Timer>(
    State(importer): State<Importer<S, H, T>>,
) -> Result<Json<Report>> {
    let data = Data::parse(DATA).map_err(|error| {
        eprintln!("the data file can't be read: {error}");
        Problem::internal()
    })?;
    let summary = importer.import(&data).await?;
    let status = if summary.imported == 0 { "unchanged" } else { "imported" };
    Ok(Json(Report { status, summary }))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::Store(error) => error.into(),
            Error::Shop(_) => {
                eprintln!("the import stopped: {error}");
                Problem::new(ProblemType::ImportStopped).detail(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
