//! Limits of numbers, texts and lists.

use super::{Place, Side};
use crate::Break;
use serde_json::Value;

/// Limits from below.
pub(super) const LEAST: [&str; 5] =
    ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// Limits from above.
pub(super) const MOST: [&str; 5] =
    ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/// Keywords of which only a change can be noticed.
pub(super) const FORMS: [&str; 4] = ["pattern", "format", "multipleOf", "uniqueItems"];

pub(super) fn check(inner: Side<'_>, outer: Side<'_>, place: &Place, breaks: &mut Vec<Break>) {
    // Listed values are compared themselves.
    if inner.schema.contains_key("const") || inner.schema.contains_key("enum") {
        return;
    }
    let number = |side: Side<'_>, keyword: &str| side.schema.get(keyword).and_then(Value::as_f64);
    let both = LEAST.map(|keyword| (keyword, true)).into_iter();
    for (keyword, is_least) in both.chain(MOST.map(|keyword| (keyword, false))) {
        let Some(wanted) = number(outer, keyword) else { continue };
        let found = number(inner, keyword);
        let fits = found.is_some_and(|found| match is_least {
            true => found >= wanted,
            false => found <= wanted,
        });
        if !fits {
            report(keyword, inner, outer, place, breaks);
        }
    }
    for keyword in FORMS {
        let wanted = outer.schema.get(keyword);
        let is_set = wanted.is_some_and(|wanted| *wanted != Value::Bool(false));
        if is_set && wanted != inner.schema.get(keyword) {
            report(keyword, inner, outer, place, breaks);
        }
    }
}

fn report(keyword: &str, inner: Side<'_>, outer: Side<'_>, place: &Place, breaks: &mut Vec<Break>) {
    let shown = |side: Side<'_>| match side.schema.get(keyword) {
        Some(value) => format!("`{}`", value.to_string().trim_matches('"')),
        None => "not set".to_owned(),
    };
    let (inner, outer) = (shown(inner), shown(outer));
    let (now, before) = match place.pick("sent", "received") {
        "sent" => (outer, inner),
        _ => (inner, outer),
    };
    place.report(breaks, format!("`{keyword}` is {now} now, and was {before} before"));
}
