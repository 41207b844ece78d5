//! The query parameters of lists.

use axum::extract::{FromRequestParts, Query as Parameters};
use axum::http::request::Parts;
use chassis::problem::{Problem, Result};
use serde::Deserialize;

use crate::domain::PRICE_MINOR_UNITS_MAX;
use crate::search::{QUERY_CHARS_MAX, Query, Sort};

/// The parameters of a list, except for pagination.
pub(super) struct Question(pub(super) Query);

#[derive(Deserialize)]
struct Asked {
    q: Option<String>,
    category: Option<String>,
    sort: Option<String>,
    price_min: Option<String>,
    price_max: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Question {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Question> {
        let asked = Parameters::<Asked>::try_from_uri(&parts.uri);
        let Parameters(asked) = asked.map_err(|error| Problem::bad_request(error.body_text()))?;
        let text = asked.q.unwrap_or_default();
        if text.chars().count() > QUERY_CHARS_MAX {
            let detail = format!("q must have at most {QUERY_CHARS_MAX} characters.");
            return Err(Problem::bad_request(detail));
        }
        let from = amount("price_min", asked.price_min.as_deref())?.unwrap_or(0);
        let to = amount("price_max", asked.price_max.as_deref())?.unwrap_or(i64::MAX);
        if from > to {
            return Err(Problem::bad_request("price_min must not be greater than price_max."));
        }
        let query = Query::new(&text, asked.category.as_deref()).priced(from..=to);
        Ok(Question(query.sorted(sort(asked.sort.as_deref())?)))
    }
}

/// A price in minor units.
fn amount(name: &str, text: Option<&str>) -> Result<Option<i64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let amount = text.parse().ok().filter(|amount| (0..=PRICE_MINOR_UNITS_MAX).contains(amount));
    amount.map(Some).ok_or_else(|| {
        let most = PRICE_MINOR_UNITS_MAX;
        Problem::bad_request(format!("{name} must be an amount in minor units, from 0 to {most}."))
    })
}

fn sort(name: Option<&str>) -> Result<Sort> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Sort::Relevance) };
    Sort::parse(name).ok_or_else(|| {
        let names = Sort::NAMES.map(|(name, _)| name).join(", ");
        Problem::bad_request(format!("sort must be one of {names}."))
    })
}
