//! The query parameters of searches.

use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::request::Parts;
use chassis::problem::{Problem, Result};
use serde::Deserialize;

use crate::domain::PRICE_MINOR_UNITS_MAX;
use crate::search::{QUERY_CHARS_MAX, Query, Sort};

/// The parameters of a search, except for pagination.
pub(super) struct Search(pub(super) Query);

#[derive(Deserialize)]
struct Raw {
    q: Option<String>,
    category: Option<String>,
    sort: Option<String>,
    price_min: Option<String>,
    price_max: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Search {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Search> {
        let raw = Parameters::<Raw>::try_from_uri(&parts.uri);
        let Parameters(raw) = raw.map_err(|error| Problem::bad_request(error.body_text()))?;
        let text = raw.q.unwrap_or_default();
        if text.chars().count() > QUERY_CHARS_MAX {
            let detail = format!("q must have at most {QUERY_CHARS_MAX} characters.");
            return Err(Problem::bad_request(detail));
        }
        let from = amount("price_min", raw.price_min.as_deref())?.unwrap_or(0);
        let to = amount("price_max", raw.price_max.as_deref())?.unwrap_or(i64::MAX);
        if from > to {
            return Err(Problem::bad_request("price_min must not be greater than price_max."));
        }
        let query = Query::new(&text, raw.category.as_deref()).priced(from..=to);
        Ok(Search(query.sorted(sort(raw.sort.as_deref())?)))
    }
}

/// A price in minor units.
fn amount(name: &str, text: Option<&str>) -> Result<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let amount = text.parse().ok().filter(|amount| (0..=PRICE_MINOR_UNITS_MAX).contains(amount));
    amount.map(Some).ok_or_else(|| {
        let max = PRICE_MINOR_UNITS_MAX;
        Problem::bad_request(format!("{name} must be an amount in minor units, from 0 to {max}."))
    })
}

fn sort(name: Option<&str>) -> Result<Sort> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Sort::Relevance) };
    Sort::parse(name).ok_or_else(|| {
        let names = Sort::NAMES.map(|(name, _)| name).join(", ");
        Problem::bad_request(format!("sort must be one of {names}."))
    })
}
