//! The header `If-Match` (RFC 9110, section 13.1.1), with one meaning for all functions.

use crate::problem::{Problem, ProblemType};
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

/// The maximum number of tags in one request.
pub const TAGS_MAX: usize = 16;

/// A condition on the current entity tag of a resource. As an extractor, 400 if it is malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// The header is absent or `*`: any existing resource is accepted.
    Any,
    /// One of these strong tags, with their quotes, must be the current one. Weak tags never match,
    /// so they are left out.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Parses the fields of a request.
    ///
    /// # Errors
    /// 400 if they are neither `*` nor a list of 1 to [`TAGS_MAX`] entity tags.
    pub fn parse(headers: &HeaderMap) -> Result<Self, Problem> {
        let (mut tags, mut count) = (Vec::new(), 0);
        let fields: Vec<_> = headers.get_all(header::IF_MATCH).iter().collect();
        if fields.is_empty() || fields.iter().any(|field| field.as_bytes().trim_ascii() == b"*") {
            return Ok(Self::Any);
        }
        for field in fields {
            let mut rest = field.to_str().map_err(|_| malformed())?;
            while let Some(tag) = next_tag(&mut rest).map_err(|()| malformed())? {
                count += 1;
                tags.extend((!tag.starts_with("W/")).then(|| tag.to_owned()));
            }
        }
        if (1..=TAGS_MAX).contains(&count) { Ok(Self::Tags(tags)) } else { Err(malformed()) }
    }

    /// Whether a resource with this current tag (strong, with its quotes) fulfills the condition.
    pub fn matches(&self, current: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag == current),
        }
    }

    /// Does nothing if a resource with this current tag fulfills the condition.
    ///
    /// # Errors
    /// 412 if it does not.
    pub fn check(&self, current: &str) -> Result<(), Problem> {
        if self.matches(current) {
            return Ok(());
        }
        Err(Problem::new(ProblemType::PreconditionFailed)
            .detail("The ETag of the resource is not in If-Match. Read the resource again."))
    }

    /// For resources whose tag is their version ([`version_tag`]): the accepted versions, or `None`
    /// if any is. Tags that are no version are left out.
    pub fn versions(&self) -> Option<Vec<u64>> {
        match self {
            Self::Any => None,
            Self::Tags(tags) => Some(tags.iter().filter_map(|tag| version(tag)).collect()),
        }
    }
}

/// The entity tag of a resource with this version.
pub fn version_tag(version: u64) -> String {
    format!("\"{version}\"")
}

/// `"+1"` and `"01"` are other tags than `"1"`.
fn version(tag: &str) -> Option<u64> {
    let version = tag.trim_matches('"').parse().ok()?;
    (version_tag(version) == tag).then_some(version)
}

/// Takes the next tag of a list; `None` at the end. Lists may have empty elements (RFC 9110, section
/// 5.6.1), and tags may contain commas.
fn next_tag<'a>(rest: &mut &'a str) -> Result<Option<&'a str>, ()> {
    let text = rest.trim_start_matches([' ', '\t', ',']);
    if text.is_empty() {
        return Ok(None);
    }
    let weak = if text.starts_with("W/") { 2 } else { 0 };
    let opaque = text[weak..].strip_prefix('"').ok_or(())?;
    let end = weak + 1 + opaque.find('"').ok_or(())? + 1;
    let (tag, after) = text.split_at(end);
    *rest = after.trim_start_matches([' ', '\t']);
    if rest.is_empty() || rest.starts_with(',') { Ok(Some(tag)) } else { Err(()) }
}

fn malformed() -> Problem {
    Problem::bad_request(format!("If-Match must be `*` or a list of 1 to {TAGS_MAX} entity tags."))
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(values: &[&str]) -> Result<IfMatch, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        IfMatch::parse(&headers).map_err(|problem| problem.status().as_u16())
    }

    fn tags(tags: &[&str]) -> Result<IfMatch, u16> {
        Ok(IfMatch::Tags(tags.iter().map(|tag| (*tag).to_owned()).collect()))
    }

    #[test]
    fn lists_of_tags_are_parsed() {
        assert_eq!(parse(&[]), Ok(IfMatch::Any));
        assert_eq!(parse(&[" * "]), Ok(IfMatch::Any));
        assert_eq!(parse(&["\"7\""]), tags(&["\"7\""]));
        assert_eq!(parse(&["\"7\" ,, \"a,b\"", "\"\""]), tags(&["\"7\"", "\"a,b\"", "\"\""]));
        assert_eq!(parse(&["W/\"7\", \"8\""]), tags(&["\"8\""]), "weak tags never match");
    }

    #[test]
    fn malformed_fields_are_refused() {
        for field in ["7", "\"", "", ",", "\"7", "\"7\" \"8\"", "w/\"7\"", "*, \"7\"", "\"é\""] {
            assert_eq!(parse(&[field]), Err(400), "{field}");
        }
        assert!(parse(&[&"\"1\",".repeat(TAGS_MAX)]).is_ok());
        assert_eq!(parse(&[&"\"1\",".repeat(TAGS_MAX + 1)]), Err(400));
    }

    #[test]
    fn versions_have_one_spelling() {
        let versions = |field| parse(&[field]).unwrap().versions();
        assert_eq!(versions("*"), None);
        assert_eq!(versions("\"3\", \"4\""), Some(vec![3, 4]));
        assert_eq!(versions("\"03\", \"+3\", \"x\", \"\", W/\"3\""), Some(vec![]));
    }

    #[test]
    fn only_the_current_tag_is_accepted() {
        assert!(IfMatch::Any.check("\"7\"").is_ok());
        let seven = parse(&["\"7\""]).unwrap();
        assert!(seven.check("\"7\"").is_ok());
        assert_eq!(seven.check("\"8\"").unwrap_err().status().as_u16(), 412);
    }
}
