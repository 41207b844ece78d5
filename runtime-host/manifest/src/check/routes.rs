//! Each request has one trigger: no two routes match the same requests, regardless of the names of
//! their parameters.
//!
//! Stock Spin accepts such routes. If they are written alike, it uses the last trigger, otherwise
//! the first one. The others can only be called by components.

use std::collections::BTreeMap;

use crate::app::{App, HttpTrigger, Route};
use crate::check::Check;
use crate::reader::{Code, Problem};
use crate::routes::RoutePattern;

pub(super) fn check(check: &Check<'_>) {
    for (replaced, used) in replaced(check.app) {
        check.doubt(problem(check, &check.app.http[replaced], &check.app.http[used]));
    }
}

/// Triggers that are not used, and those that are used instead: their indices.
fn replaced(app: &App) -> Vec<(usize, usize)> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let mut replaced = Vec::new();
    for (index, trigger) in app.http.iter().enumerate() {
        let Route::Path(route) = &trigger.route else { continue };
        let Ok(pattern) = RoutePattern::parse("", route) else { continue };
        let winner = used.entry(pattern.shape()).or_insert(index);
        if *winner == index {
            continue;
        }
        if trigger.route == app.http[*winner].route {
            replaced.push((*winner, index));
            *winner = index;
        } else {
            replaced.push((index, *winner));
        }
    }
    replaced
}

fn path(trigger: &HttpTrigger) -> String {
    format!("{}.route", trigger.written_at)
}

fn problem(check: &Check<'_>, replaced: &HttpTrigger, used: &HttpTrigger) -> Problem {
    let route = match &used.route {
        Route::Path(route) => route,
        Route::Private => "",
    };
    Problem::new(Code::DuplicateRoute, format!("two triggers have the route `{route}`"))
        .label(check.spans.value(&path(replaced)), "never used")
        .label(check.spans.value(&path(used)), "used for the same requests")
        .hint("change one of the routes, or remove one of the triggers")
}
