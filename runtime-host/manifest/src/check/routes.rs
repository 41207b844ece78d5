//! Each request has one trigger: no two routes are the same, whatever their parameters are
//! called. Stock Spin lets the later one win without a word.

use std::collections::BTreeMap;

use crate::app::{HttpTrigger, Route};
use crate::check::Check;
use crate::problem::{Code, Problem};
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
    let place =
        |trigger: &HttpTrigger| check.places.value(&format!("{}.route", trigger.written_at));
    check.problems.push(
        Problem::new(Code::DuplicateRoute, format!("two triggers take the requests of `{route}`"))
            .label(place(trigger), "the same requests again")
            .label(place(first), "first taken here")
            .hint("change one of the routes, or remove one of the triggers"),
    );
}
