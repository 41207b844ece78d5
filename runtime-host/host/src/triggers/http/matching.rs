//! Comparing routes with paths, and with each other.

use std::cmp::Ordering;
use tessera_manifest::routes::{RoutePattern, Segment};

/// Whether a pattern matches a path.
pub(super) fn fits(pattern: &RoutePattern, path: &str) -> bool {
    unmatched(pattern, trimmed(path), |_, _| {}).is_some()
}

/// A path without the slashes around it, but with one at its beginning. It is empty if there is
/// nothing between them.
pub(super) fn trimmed(path: &str) -> &str {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let begin = slashes.saturating_sub(1);
    path[begin..].trim_end_matches('/')
}

/// The last part of a path, with one of the slashes that follow it.
pub(super) fn with_slash<'a>(path: &'a str, part: &'a str) -> &'a str {
    let begin = (part.as_ptr() as usize - path.as_ptr() as usize).min(path.len());
    let after = &path[begin + part.len()..];
    &path[begin..begin + part.len() + after.len().min(1)]
}

/// What is left of a trimmed path after the segments of a pattern and what is before its wildcard.
/// `None` if the pattern does not match. Each parameter is passed to `parameter` with its value.
pub(super) fn unmatched<'a>(
    pattern: &'a RoutePattern,
    path: &'a str,
    mut parameter: impl FnMut(&'a str, &'a str),
) -> Option<&'a str> {
    let mut left = path;
    for segment in pattern.segments() {
        let (part, after) = next_part(left)?;
        if !segment.matches(part, after.is_empty(), &mut parameter) {
            return None;
        }
        left = after;
    }
    if let Some(stem) = pattern.stem() {
        let (part, _) = next_part(left)?;
        let rest = stem.rest_of(part, parameter)?;
        return Some(&left[1 + part.len() - rest.len()..]);
    }
    (pattern.takes_rest() || left.is_empty()).then_some(left)
}

/// `/a/b` → `a` and `/b`.
fn next_part(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    Some(path.find('/').map_or((path, &path[path.len()..]), |slash| path.split_at(slash)))
}

/// Literals before parameters and wildcards with dots before other parameters before the rest,
/// segment by segment.
pub(super) fn specificity(a: &RoutePattern, b: &RoutePattern) -> Ordering {
    let rank = |pattern: &RoutePattern, index: usize| match pattern.segments().get(index) {
        Some(Segment::Literal(_)) => 0,
        Some(Segment::Mixed(_)) => 1,
        Some(Segment::Parameter(_)) => 3,
        None if index == pattern.segments().len() && pattern.stem().is_some() => 2,
        None if pattern.takes_rest() => 5,
        None => 4,
    };
    let length = a.segments().len().max(b.segments().len()) + 1;
    (0..length).map(|i| rank(a, i).cmp(&rank(b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}
