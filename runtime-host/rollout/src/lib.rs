//! Rollouts of new revisions of a component.
//!
//! A rollout has a *stable* revision, which serves the calls, and a *candidate*, which gets a
//! growing share of them. While both serve calls, they are compared over the same time: a fixed bar
//! would fail a good candidate on a bad day, and pass a bad one on a good day. The comparison ends
//! the rollout in one of two ways: the candidate is promoted, or rolled back.
//!
//! Everything here is a plain function of values: which revision serves a call ([`cohort`]), what
//! was measured ([`meter`]), what it means ([`judge`]), what happens next ([`plan`]), and how answers
//! to copies of calls are compared ([`shadow`]). Time and
//! measurements come from the caller.

pub mod cohort;
pub mod judge;
pub mod meter;
pub mod plan;
pub mod shadow;
