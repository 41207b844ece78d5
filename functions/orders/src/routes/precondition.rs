//! Entity tags of orders: the number of the order's last event, in quotes.

use chassis::{Problem, Result};
use http::{HeaderMap, header};

/// Tags in one `If-Match`.
const TAGS_MAX: usize = 16;

/// The tag of an order of this version.
pub(super) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The versions that `If-Match` allows; none if it allows all. A tag that was never ours
/// allows nothing. Only the strong form counts, as RFC 9110 has it (13.1.1).
pub(super) fn versions(headers: &HeaderMap) -> Result<Option<Vec<u64>>> {
    let mut versions = Vec::new();
    let mut tags = 0;
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    for value in values {
        let text = value.to_str().map_err(|_| malformed())?;
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            tags += 1;
            match tag.strip_prefix("W/").unwrap_or(tag) {
                "*" => return Ok(None),
                quoted if quoted.len() < 2 || !is_quoted(quoted) => return Err(malformed()),
                quoted if quoted == tag => versions.extend(quoted.trim_matches('"').parse::<u64>()),
                _ => {}
            }
        }
    }
    if tags == 0 || tags > TAGS_MAX { Err(malformed()) } else { Ok(Some(versions)) }
}

fn is_quoted(text: &str) -> bool {
    text.starts_with('"') && text.ends_with('"')
}

fn malformed() -> Problem {
    Problem::bad_request(format!("If-Match holds 1 to {TAGS_MAX} entity tags, or `*`."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(value: &str) -> Option<Option<Vec<u64>>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, value.parse().unwrap());
        versions(&headers).ok()
    }

    #[test]
    fn only_strong_tags_of_ours_allow_anything() {
        assert_eq!(versions(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read("*"), Some(None));
        assert_eq!(read("\"7\""), Some(Some(vec![7])));
        assert_eq!(read("\"7\", \"8\""), Some(Some(vec![7, 8])));
        assert_eq!(read("W/\"7\""), Some(Some(Vec::new())));
        assert_eq!(read("\"seven\""), Some(Some(Vec::new())));
        for malformed in ["7", "\"", "", "\"7"] {
            assert_eq!(read(malformed), None, "{malformed}");
        }
    }
}
