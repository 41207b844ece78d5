//! Which calls belong together in a rollout.

use serde::{Deserialize, Serialize};

/// What calls have in common that go to the same revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cohort {
    /// The header field or cookie whose value decides; none means the trace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) sticky: Option<Sticky>,
    /// Requests with this header field and value always go to the candidate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) named: Option<(String, String)>,
}

/// What a user sends with each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sticky {
    Header(String),
    Cookie(String),
}

impl Cohort {
    /// Whether a request is always for the candidate.
    pub(super) fn names<'a>(&self, fields: impl Fn(&str) -> Vec<&'a [u8]>) -> bool {
        let named = self.named.as_ref();
        named.is_some_and(|(name, value)| fields(name).contains(&value.as_bytes()))
    }

    /// What decides for a request; none if it does not have it.
    pub(super) fn key<'a>(&self, fields: impl Fn(&str) -> Vec<&'a [u8]>) -> Option<&'a [u8]> {
        match self.sticky.as_ref()? {
            Sticky::Header(name) => fields(name).first().copied(),
            // By HTTP/2, there may be several fields (RFC 9113, section 8.2.3).
            Sticky::Cookie(name) => {
                let all = fields("cookie").into_iter();
                let mut pairs =
                    all.flat_map(|field| field.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
                pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
            }
        }
    }
}
