//! The port part of a pattern: one, a range, or all.

use std::ops::Range;

use crate::pattern_error::PatternError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ports {
    Any,
    Range(Range<u16>),
    One(u16),
}

impl Ports {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let number = |text: &str| text.parse::<u16>().ok();
        let parsed = match text.split_once("..") {
            _ if text == "*" => Some(Self::Any),
            Some((from, to)) => {
                number(from).zip(number(to)).map(|(from, to)| Self::Range(from..to))
            }
            None => number(text).map(Self::One),
        };
        match parsed {
            Some(ports) => Ok(ports),
            None => Err(PatternError::new(
                format!("`{text}` is not a port"),
                "a port is a number up to 65535, a range such as `8000..8010`, or `*`",
            )),
        }
    }

    pub(super) fn matches(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::Range(range), Some(port)) => range.contains(&port),
            (Self::One(one), Some(port)) => *one == port,
            (_, None) => false,
        }
    }
}
