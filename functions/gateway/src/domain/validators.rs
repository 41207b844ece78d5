//! Entity tags (RFC 9110, section 8.8.3) of responses that may be compressed.
//!
//! A compressed response is another representation and so has another tag: the plain one with a
//! suffix before its closing quote. Functions only know the plain tags.

use chassis::hash::fnv1a_64;
use http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

/// Marks the tag of a compressed representation.
const SUFFIX: &str = "-gzip";

/// The tags of a condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    any: bool,
    tags: Vec<String>,
}

impl Validators {
    /// The tags of all fields of this name.
    pub fn of(headers: &HeaderMap, name: &HeaderName) -> Self {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut validators = Self::default();
        for tag in values.flat_map(tags) {
            validators.any |= tag == "*";
            validators.tags.push(opaque(tag).to_owned());
        }
        validators
    }

    /// Whether one of them is this tag or that of its compressed representation, by weak comparison
    /// (section 13.1.2).
    pub fn has(&self, tag: &str) -> bool {
        let plain = plain(opaque(tag));
        self.any || self.tags.iter().any(|known| self::plain(known) == plain)
    }

    /// Whether one of them is the tag of the compressed representation of this tag.
    pub fn has_compressed(&self, tag: &str) -> bool {
        let compressed = compressed(tag);
        self.tags.iter().any(|known| Some(known.as_str()) == compressed.as_deref().map(opaque))
    }
}

/// Rewrites the conditions of a request to the tags that functions use.
pub fn as_functions_know_them(headers: &mut HeaderMap) {
    for name in [IF_MATCH, IF_NONE_MATCH] {
        let values = headers.get_all(&name).iter().filter_map(|value| value.to_str().ok());
        let list = values.collect::<Vec<_>>().join(", ");
        if !list.contains(SUFFIX) {
            continue;
        }
        let rewritten = tags(&list).map(plain).collect::<Vec<_>>().join(", ");
        if let Ok(rewritten) = HeaderValue::try_from(rewritten) {
            headers.insert(&name, rewritten);
        }
    }
}

/// Changes the tag of a response to that of its compressed representation.
pub fn mark_compressed(headers: &mut HeaderMap) {
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
    let marked = tag.and_then(compressed).and_then(|tag| HeaderValue::try_from(tag).ok());
    if let Some(tag) = marked {
        headers.insert(ETAG, tag);
    }
}

/// A digest of the bytes as sixteen hexadecimal digits (FNV-1a). It does not have to be
/// collision-resistant, because only the shop creates responses.
pub fn digest(bytes: &[u8]) -> String {
    format!("{:016x}", fnv1a_64(bytes.iter().copied()))
}

/// Whether `Accept-Encoding` allows gzip (RFC 9110, section 12.5.3).
pub fn accepts_gzip(field: &str) -> bool {
    let weight = |coding: &str| {
        let item = field.split(',').map(str::trim).find(|item| {
            item.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(coding))
        })?;
        let weight = item.split(';').skip(1).find_map(|part| part.trim().strip_prefix("q="));
        Some(
            weight.is_none_or(|weight| weight.trim().parse().is_ok_and(|weight: f32| weight > 0.0)),
        )
    };
    weight("gzip").or_else(|| weight("*")).unwrap_or(false)
}

/// The tags of a list. A comma within a tag is treated like a separator, which results in two tags
/// that match nothing, so the response is sent again.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|tag| !tag.is_empty())
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tag without the suffix of a compressed representation.
fn plain(tag: &str) -> String {
    match tag.strip_suffix('"').and_then(|start| start.strip_suffix(SUFFIX)) {
        Some(start) => format!("{start}\""),
        None => tag.to_owned(),
    }
}

fn compressed(tag: &str) -> Option<String> {
    tag.strip_suffix('"').map(|start| format!("{start}{SUFFIX}\""))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn known(value: &str) -> Validators {
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, value.parse().unwrap());
        Validators::of(&headers, &IF_NONE_MATCH)
    }

    #[test]
    fn a_tag_is_known_in_either_form_and_weakly() {
        for value in ["\"1\"", "\"1-gzip\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
            assert!(known(value).has("\"1\""), "{value}");
        }
        for value in ["\"2\"", "1", "\"1-br\"", "W/\"11\""] {
            assert!(!known(value).has("\"1\""), "{value}");
        }
        assert!(known("\"1-gzip\"").has_compressed("\"1\""));
        assert!(!known("\"1\"").has_compressed("\"1\""));
        assert!(!known("*").has_compressed("\"1\""));
        assert!(!Validators::default().has("\"1\""));
    }

    #[test]
    fn functions_see_plain_tags() {
        let mut headers = HeaderMap::new();
        headers.append(IF_MATCH, "\"1-gzip\", W/\"2\"".parse().unwrap());
        headers.append(IF_NONE_MATCH, "\"3\"".parse().unwrap());
        as_functions_know_them(&mut headers);
        assert_eq!(headers[IF_MATCH], "\"1\", W/\"2\"");
        assert_eq!(headers[IF_NONE_MATCH], "\"3\"");
    }

    #[test]
    fn gzip_is_used_only_where_it_is_accepted() {
        for field in ["gzip", "br, gzip;q=0.5", "GZIP", "*", "identity, *;q=0.1", "gzip ; q=1"] {
            assert!(accepts_gzip(field), "{field}");
        }
        for field in ["", "br", "gzip;q=0", "gzip;q=0, *", "*;q=0", "identity", "gzip;q=x"] {
            assert!(!accepts_gzip(field), "{field}");
        }
    }

    #[test]
    fn a_digest_changes_with_the_bytes() {
        assert_eq!(digest(b""), "cbf29ce484222325");
        assert_ne!(digest(b"a"), digest(b"b"));
    }
}
