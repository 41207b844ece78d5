//! Codes for the tests of this crate.

use std::fmt;

use crate::Code;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestCode(&'static str);

impl Code for TestCode {
    const SYNTAX: Self = Self("syntax");
    const UNKNOWN_KEY: Self = Self("unknown_key");
    const MISSING_KEY: Self = Self("missing_key");
    const WRONG_TYPE: Self = Self("wrong_type");
    const EMPTY_VALUE: Self = Self("empty_value");
    const BAD_VALUE: Self = Self("bad_value");
    const UNSUPPORTED: Self = Self("unsupported");
}

impl fmt::Display for TestCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "test::{}", self.0)
    }
}
