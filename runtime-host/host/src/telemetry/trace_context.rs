//! W3C Trace Context, level 2: where a call stands in its trace.
//! <https://www.w3.org/TR/trace-context-2/>

use super::trace_state;
use http::{HeaderMap, HeaderValue};
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

const SAMPLED: u8 = 0b01;
const RANDOM: u8 = 0b10;

/// The ids of a span and of its trace.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    flags: u8,
    state: Option<HeaderValue>,
    /// What the client that the trace began with calls its request; none means the trace's id.
    pub(crate) request_id: Option<Arc<str>>,
}

impl TraceContext {
    /// The start of a new trace.
    pub(crate) fn root() -> Self {
        let trace_id = (u128::from(random()) << 64) | u128::from(random());
        let flags = SAMPLED | RANDOM;
        Self { trace_id: trace_id.max(1), span_id: 0, flags, state: None, request_id: None }
    }

    /// The trace that a request belongs to; a new one if it names none, or a malformed one.
    pub(crate) fn of_request(headers: &HeaderMap) -> Self {
        let mut parents = headers.get_all("traceparent").iter();
        let parsed = match (parents.next(), parents.next()) {
            (Some(only), None) => only.to_str().ok().and_then(parse_parent),
            _ => None,
        };
        match parsed {
            Some(context) => Self { state: trace_state::of_request(headers), ..context },
            None => Self::root(),
        }
    }

    /// The trace that a `traceparent` names; a new one if it names none.
    pub(crate) fn of_parent(text: Option<&str>) -> Self {
        text.and_then(parse_parent).unwrap_or_else(Self::root)
    }

    /// Whether the trace is recorded, as far as the client knows.
    pub(crate) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Sets whether the trace is recorded.
    pub(super) fn set_sampled(&mut self, sampled: bool) {
        self.flags = if sampled { self.flags | SAMPLED } else { self.flags & !SAMPLED };
    }

    /// The members of `tracestate`.
    pub(crate) fn state_members(&self) -> Vec<(String, String)> {
        let text = self.state.as_ref().and_then(|state| state.to_str().ok()).unwrap_or_default();
        let members = text.split(',').filter_map(|member| member.split_once('='));
        members.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// As the value of `traceparent`.
    pub(crate) fn parent_text(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }

    /// The context of a new span within this one.
    pub(crate) fn child(&self) -> Self {
        Self { span_id: random().max(1), ..self.clone() }
    }

    /// Set the calling span in the headers for the callee.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.parent_text()) {
            headers.insert("traceparent", value);
        }
        match &self.state {
            Some(state) => headers.insert("tracestate", state.clone()),
            None => headers.remove("tracestate"),
        };
    }
}

fn parse_parent(text: &str) -> Option<TraceContext> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)? as u8;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = hex(parts.next()?, 16)? as u64;
    let flags = hex(parts.next()?, 2)? as u8;
    let version_valid = version != 0xff && (version != 0 || parts.next().is_none());
    // A version that is newer than this code may set flags that it can't know.
    let flags = flags & (SAMPLED | RANDOM);
    (version_valid && trace_id != 0 && span_id != 0).then_some(TraceContext {
        trace_id,
        span_id,
        flags,
        state: None,
        request_id: None,
    })
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let valid = text.len() == digits && text.bytes().all(lower_hex);
    valid.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// Unpredictable enough for ids: the standard library's per-instance hasher keys are
/// seeded by the operating system and stepped for every instance.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{:016x}", self.trace_id, self.span_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn continues(parent: &str) -> bool {
        let context = TraceContext::of_request(&headers(&[("traceparent", parent)]));
        context.trace_id == 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c
    }

    #[test]
    fn a_valid_parent_is_continued() {
        assert!(continues(PARENT));
        assert!(continues("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
    }

    #[test]
    fn a_later_version_with_more_fields_is_continued() {
        assert!(continues("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-else"));
    }

    #[test]
    fn malformed_parents_start_a_new_trace() {
        for parent in [
            "",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(!continues(parent), "{parent}");
        }
    }

    #[test]
    fn two_parents_are_no_parent() {
        let map = headers(&[("traceparent", PARENT), ("traceparent", PARENT)]);
        assert_ne!(TraceContext::of_request(&map).span_id, 0xb7ad_6b71_6920_3331);
    }

    #[test]
    fn the_state_is_only_propagated_with_its_trace() {
        let map = headers(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        let mut out = HeaderMap::new();
        TraceContext::of_request(&map).child().write(&mut out);
        assert_eq!(out["tracestate"], "a=1,b=2");
        let map = headers(&[("tracestate", "a=1")]);
        TraceContext::of_request(&map).write(&mut out);
        assert!(!out.contains_key("tracestate"));
    }

    #[test]
    fn a_child_keeps_the_trace_and_gets_its_own_id() {
        let parent = TraceContext::of_request(&headers(&[("traceparent", PARENT)]));
        let child = parent.child();
        assert_eq!(child.trace_id, parent.trace_id);
        assert_ne!(child.span_id, parent.span_id);
        assert_eq!(child.flags, parent.flags);
    }
}
