//! The query parameters of lists.

use axum::extract::{FromRequestParts, Query};
use chassis::clock::parse_rfc3339;
use chassis::{Problem, Result};
use http::request::Parts;
use serde::Deserialize;

use crate::domain::{Filter, QUERY_CHARS_MAX, STATUSES};

/// The default number of days of a summary.
const SUMMARY_DAYS_DEFAULT: u64 = 30;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The parameters of a list, except for pagination.
pub(super) struct ListParameters {
    pub(super) filter: Filter,
    pub(super) position: Option<String>,
    pub(super) user_id: Option<String>,
}

#[derive(Deserialize)]
struct Parameters {
    status: Option<String>,
    q: Option<String>,
    from: Option<String>,
    to: Option<String>,
    position: Option<String>,
    user_id: Option<String>,
}

impl Parameters {
    fn of(parts: &Parts) -> Result<Self> {
        let query = Query::<Self>::try_from_uri(&parts.uri);
        query.map(|Query(it)| it).map_err(|error| Problem::bad_request(error.to_string()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ListParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<ListParameters> {
        let it = Parameters::of(parts)?;
        if it.status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
            let statuses = STATUSES.join(", ");
            return Err(Problem::bad_request(format!("status must be one of {statuses}.")));
        }
        let query = it.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty());
        if query.as_ref().is_some_and(|query| query.chars().count() > QUERY_CHARS_MAX) {
            let detail = format!("q must have at most {QUERY_CHARS_MAX} characters.");
            return Err(Problem::bad_request(detail));
        }
        let filter = Filter {
            status: it.status,
            query,
            from_ms: instant("from", it.from.as_deref())?,
            to_ms: instant("to", it.to.as_deref())?,
        };
        Ok(ListParameters { filter, position: it.position, user_id: it.user_id })
    }
}

/// `from` and `to` of a summary.
pub(super) struct Period {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

impl<S: Send + Sync> FromRequestParts<S> for Period {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Period> {
        let it = Parameters::of(parts)?;
        Ok(Period {
            from_ms: instant("from", it.from.as_deref())?,
            to_ms: instant("to", it.to.as_deref())?,
        })
    }
}

impl Period {
    /// The first and the last time. The default is the days up to today.
    pub(super) fn days(&self, now_ms: u64, days_max: u64) -> Result<(u64, u64)> {
        let last = self.to_ms.map_or(now_ms, |to_ms| to_ms.saturating_sub(1));
        let default = last.saturating_sub((SUMMARY_DAYS_DEFAULT - 1) * DAY_MS);
        let first = self.from_ms.unwrap_or(default);
        if last.saturating_sub(first) > days_max * DAY_MS {
            let detail = format!("from and to are at most {days_max} days apart.");
            return Err(Problem::bad_request(detail));
        }
        Ok((first, last))
    }
}

/// A day (its first instant) or a time, both in UTC.
fn instant(name: &str, text: Option<&str>) -> Result<Option<u64>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let day = (text.len() == "2026-01-31".len()).then(|| format!("{text}T00:00:00Z"));
    let parsed = parse_rfc3339(day.as_deref().unwrap_or(text));
    parsed.map(Some).ok_or_else(|| {
        let detail = format!("{name} must be a day (2026-01-31) or a time in UTC (RFC 3339).");
        Problem::bad_request(detail)
    })
}
