//! `If-Match` (RFC 9110, section 13.1.1) over versions.

use axum::http::{HeaderMap, header};

/// Tags that are looked at; a client has one or two.
const TAGS_MAX: usize = 16;

/// The versions that the client expects; `None` if it takes any. A tag that this shop never
/// gave out, and any weak tag, expects a version that there is not.
pub(super) fn if_match(headers: &HeaderMap) -> Option<Vec<u64>> {
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    values.peek()?;
    let tags: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .take(TAGS_MAX)
        .collect();
    if tags.contains(&"*") { None } else { Some(tags.into_iter().filter_map(version).collect()) }
}

fn version(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let version: u64 = digits.parse().ok()?;
    // `"+1"` and `"01"` are other tags than `"1"`.
    (version.to_string() == digits).then_some(version)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn read(values: &[&str]) -> Option<Vec<u64>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        if_match(&headers)
    }

    #[test]
    fn tags_are_versions() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["*"]), None);
        assert_eq!(read(&["\"3\""]), Some(vec![3]));
        assert_eq!(read(&["\"3\", \"4\"", "\"5\""]), Some(vec![3, 4, 5]));
    }

    #[test]
    fn foreign_and_weak_tags_match_nothing() {
        for tag in ["3", "\"3", "W/\"3\"", "\"03\"", "\"+3\"", "\"x\"", "\"\"", ""] {
            assert_eq!(read(&[tag]), Some(vec![]), "{tag}");
        }
    }
}
