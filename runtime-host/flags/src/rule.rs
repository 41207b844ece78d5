//! Targeting rules: which variant a context gets.

use crate::context::{Attribute, Context};

/// A rule: what it chooses if all of its conditions hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) when: Vec<Condition>,
    pub(crate) choice: Choice,
}

/// What a rule chooses. Variants are numbers in their flag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Choice {
    /// One variant for all.
    Variant(usize),
    /// Variants by targeting key, in proportion to their weights.
    Split { variants: Vec<usize>, weights: Vec<u32> },
}

/// A condition about one attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) attribute: String,
    pub(crate) test: Test,
}

/// What is asked of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// It is one of these.
    In(Vec<Attribute>),
    /// It is there, and none of these.
    NotIn(Vec<Attribute>),
    /// It is a text that begins with one of these.
    StartsWith(Vec<String>),
    /// It is a text that ends with one of these.
    EndsWith(Vec<String>),
    /// It is a text that has one of these in it.
    Contains(Vec<String>),
    /// It is a number that compares like this.
    Number(Comparison, f64),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
}

/// How an attribute is compared with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    LessThan,
    AtMost,
    GreaterThan,
    AtLeast,
}

impl Rule {
    /// Whether all conditions hold.
    pub(crate) fn applies(&self, context: &Context) -> bool {
        let holds = |one: &Condition| one.test.holds(context.attribute(&one.attribute));
        self.when.iter().all(holds)
    }
}

impl Test {
    fn holds(&self, attribute: Option<&Attribute>) -> bool {
        let Some(attribute) = attribute else { return matches!(self, Self::Absent) };
        let text_has = |texts: &[String], has: fn(&str, &str) -> bool| match attribute {
            Attribute::Text(text) => texts.iter().any(|one| has(text, one)),
            _ => false,
        };
        match self {
            Self::In(values) => values.contains(attribute),
            Self::NotIn(values) => !values.contains(attribute),
            Self::StartsWith(texts) => text_has(texts, |text, one| text.starts_with(one)),
            Self::EndsWith(texts) => text_has(texts, |text, one| text.ends_with(one)),
            Self::Contains(texts) => text_has(texts, |text, one| text.contains(one)),
            Self::Number(comparison, limit) => match attribute {
                Attribute::Number(number) => comparison.holds(*number, *limit),
                _ => false,
            },
            Self::Present => true,
            Self::Absent => false,
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, limit: f64) -> bool {
        match self {
            Self::LessThan => number < limit,
            Self::AtMost => number <= limit,
            Self::GreaterThan => number > limit,
            Self::AtLeast => number >= limit,
        }
    }
}
