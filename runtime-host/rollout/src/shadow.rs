//! Copies of calls, for a candidate that serves none.
//!
//! The candidate gets a copy of some calls at the same time as the stable revision, and both answers
//! are compared; only that of the stable revision is used. So a candidate is known to answer in the
//! same way before anyone depends on its answers.

use crate::judge::{Reason, Verdict, wilson};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which calls are copied, and how much may differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// The share of calls that are copied, of those that may be, in percent.
    pub share_percent: u8,
    /// The share of answers that may differ, in percent.
    pub mismatches_percent_max: f64,
    /// The header fields that are compared, in lowercase.
    pub fields: Vec<String>,
}

/// The header fields that are compared by default.
pub const FIELDS: [&str; 2] = ["content-type", "location"];
/// Header fields that can be compared.
pub const FIELDS_MAX: usize = 16;

/// What is compared of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A response of HTTP: its status, a digest of each field that is compared (none if it does not
    /// have the field), and of its body.
    Response { status: u16, fields: Vec<Option<u64>>, body: u64 },
    /// The result of a function, as a digest.
    Result(u64),
    /// There was no answer, with the kind of the error.
    Failed(String),
}

/// What differs between two answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "differs", rename_all = "kebab-case")]
pub enum Mismatch {
    /// One of them is no answer.
    Outcome {
        stable: String,
        candidate: String,
    },
    Status {
        stable: u16,
        candidate: u16,
    },
    Field {
        name: String,
    },
    Body,
    Result,
}

/// Compares two answers to the same call. `fields` are the names of those in the answers.
#[must_use]
pub fn mismatch(stable: &Answer, candidate: &Answer, fields: &[String]) -> Option<Mismatch> {
    use Answer::{Response, Result};
    match (stable, candidate) {
        (one, other) if one == other => None,
        (
            Response { status, fields: values, body },
            Response { status: other, fields: others, body: other_body },
        ) => {
            if status != other {
                return Some(Mismatch::Status { stable: *status, candidate: *other });
            }
            let mut pairs = fields.iter().zip(values.iter().zip(others));
            if let Some((name, _)) = pairs.find(|(_, (one, other))| one != other) {
                return Some(Mismatch::Field { name: name.clone() });
            }
            (body != other_body).then_some(Mismatch::Body)
        }
        (Result(_), Result(_)) => Some(Mismatch::Result),
        (one, other) => {
            Some(Mismatch::Outcome { stable: one.to_string(), candidate: other.to_string() })
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response { status, .. } => write!(f, "{status}"),
            Self::Result(_) => f.write_str("a result"),
            Self::Failed(kind) => f.write_str(kind),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outcome { stable, candidate } => write!(f, "{stable}, and {candidate}"),
            Self::Status { stable, candidate } => write!(f, "status {stable}, and {candidate}"),
            Self::Field { name } => write!(f, "another {name}"),
            Self::Body => f.write_str("another body"),
            Self::Result => f.write_str("another result"),
        }
    }
}

/// Copies of a rollout, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copies {
    /// Answers that were the same.
    pub same: u64,
    /// Answers that differed.
    pub different: u64,
    /// Copies that were not made, because too many were in progress or it was too late.
    pub dropped: u64,
    /// Copies whose answers were not compared: the caller went away, or both bodies were too large.
    pub not_compared: u64,
}

/// Whether the answers of a candidate differ too often. A few mismatches may be chance, so the share
/// counts that is certain.
#[must_use]
pub fn judge(copies: &Copies, shadow: &Shadow, calls_min: u64) -> Verdict {
    let compared = copies.same + copies.different;
    if compared < calls_min.max(1) {
        return Verdict::TooFewCalls;
    }
    let (at_least, _) = wilson(copies.different, compared);
    if at_least * 100.0 > shadow.mismatches_percent_max {
        let percent = copies.different as f64 / compared as f64 * 100.0;
        return Verdict::Worse(Reason::Mismatches { percent, compared });
    }
    Verdict::Good
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, field: Option<u64>, body: u64) -> Answer {
        Answer::Response { status, fields: vec![Some(1), field], body }
    }

    fn compared(stable: &Answer, candidate: &Answer) -> Option<String> {
        let fields = FIELDS.map(str::to_owned);
        mismatch(stable, candidate, &fields).map(|one| one.to_string())
    }

    #[test]
    fn answers_differ_by_outcome_status_field_or_body() {
        let one = response(200, None, 7);
        let failed = Answer::Failed("trap".to_owned());
        assert_eq!(compared(&one, &one.clone()), None);
        assert_eq!(compared(&failed, &failed.clone()), None);
        for (other, text) in [
            (response(404, Some(1), 8), "status 200, and 404"),
            (response(200, Some(1), 8), "another location"),
            (response(200, None, 8), "another body"),
            (failed, "200, and trap"),
        ] {
            assert_eq!(compared(&one, &other).as_deref(), Some(text));
        }
        let results = (Answer::Result(1), Answer::Result(2));
        assert_eq!(compared(&results.0, &results.1).as_deref(), Some("another result"));
    }

    #[test]
    fn a_candidate_is_worse_if_more_answers_differ_than_may() {
        let shadow = |mismatches_percent_max| Shadow {
            share_percent: 100,
            mismatches_percent_max,
            fields: Vec::new(),
        };
        let copies = |same, different| Copies { same, different, ..Copies::default() };
        let verdict = |copies: &Copies, percent| judge(copies, &shadow(percent), 100);
        assert_eq!(verdict(&copies(99, 0), 0.0), Verdict::TooFewCalls);
        assert_eq!(verdict(&copies(1_000, 0), 0.0), Verdict::Good);
        assert!(matches!(verdict(&copies(500, 500), 1.0), Verdict::Worse(_)));
        // 1 of 100 may be chance.
        assert_eq!(verdict(&copies(99, 1), 1.0), Verdict::Good);
        // None may differ, and one does.
        let Verdict::Worse(reason) = verdict(&copies(99, 1), 0.0) else { panic!("one differs") };
        assert_eq!(
            reason.to_string(),
            "1.00 % of 100 answers differ from those of the stable revision"
        );
        let dropped = Copies { dropped: 1_000, not_compared: 1_000, ..Copies::default() };
        assert_eq!(verdict(&dropped, 1.0), Verdict::TooFewCalls);
    }
}
