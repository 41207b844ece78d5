//! Each request has one trigger: no two routes match the same requests, regardless of the names of
//! their parameters. In stock Spin, the later trigger silently wins.

use std::collections::BTreeMap;

use crate::app::{HttpTrigger, Route};
use crate::check::Check;
use crate::reader::{Code, Problem};
use crate::routes::RoutePattern;

pub(super) fn check(check: &Check<'_>) {
    let mut seen: BTreeMap<String, &HttpTrigger> = BTreeMap::new();
    for trigger in &check.app.http {
        let Route::Path(route) = &trigger.route else { continue };
        let Ok(pattern) = RoutePattern::parse("", route) else { continue };
        if let Some(first) = seen.get(&pattern.shape()) {
            report(check, route, trigger, first);
        } else {
            seen.insert(pattern.shape(), trigger);
        }
    }
}

fn report(check: &Check<'_>, route: &str, trigger: &HttpTrigger, first: &HttpTrigger) {
    let span = |trigger: &HttpTrigger| check.spans.value(&format!("{}.route", trigger.written_at));
    check.problems.push(
        Problem::new(Code::DuplicateRoute, format!("two triggers have the route `{route}`"))
            .label(span(trigger), "the same requests")
            .label(span(first), "first used here")
            .hint("change one of the routes, or remove one of the triggers"),
    );
}
