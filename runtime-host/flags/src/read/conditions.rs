//! Conditions of rules.

use crate::context::Attribute;
use crate::json::{At, Found};
use crate::limits::{ATTRIBUTE_NAME_MAX_BYTES, CONDITION_TEXT_MAX_BYTES, VALUES_MAX};
use crate::rule::{Comparison, Condition, Test};
use serde_json::{Map, Value as Json};

const ATTRIBUTE: &str = "attribute";
const OPERATOR: &str = "operator";
const VALUES: &str = "values";
const VALUE: &str = "value";

/// What an operator is compared with.
#[derive(Clone, Copy)]
enum Operand {
    /// `values`: strings, numbers and booleans.
    Any(fn(Vec<Attribute>) -> Test),
    /// `values`: strings.
    Texts(fn(Vec<String>) -> Test),
    /// `value`: a number.
    Number(Comparison),
    /// Nothing.
    None(fn() -> Test),
}

/// All operators.
const OPERATORS: [(&str, Operand); 11] = [
    ("in", Operand::Any(Test::In)),
    ("not_in", Operand::Any(Test::NotIn)),
    ("starts_with", Operand::Texts(Test::StartsWith)),
    ("ends_with", Operand::Texts(Test::EndsWith)),
    ("contains", Operand::Texts(Test::Contains)),
    ("less_than", Operand::Number(Comparison::LessThan)),
    ("at_most", Operand::Number(Comparison::AtMost)),
    ("greater_than", Operand::Number(Comparison::GreaterThan)),
    ("at_least", Operand::Number(Comparison::AtLeast)),
    ("present", Operand::None(|| Test::Present)),
    ("absent", Operand::None(|| Test::Absent)),
];

/// One condition. `None` if something is wrong.
pub(super) fn read(at: &At<'_>, found: &mut Found) -> Option<Condition> {
    let members = at.object(&[ATTRIBUTE, OPERATOR, VALUES, VALUE], found)?;
    let attribute = attribute(at, members, found);
    let test = test(at, members, found);
    Some(Condition { attribute: attribute?, test: test? })
}

fn attribute(at: &At<'_>, members: &Map<String, Json>, found: &mut Found) -> Option<String> {
    let Some(written) = members.get(ATTRIBUTE) else {
        found.report(&at.pointer, format!("has no `{ATTRIBUTE}`"));
        return None;
    };
    let at = at.child(ATTRIBUTE, written);
    let name = at.text(ATTRIBUTE_NAME_MAX_BYTES, found)?;
    if name.is_empty() {
        found.report(&at.pointer, "must not be empty");
        return None;
    }
    Some(name.to_owned())
}

fn test(at: &At<'_>, members: &Map<String, Json>, found: &mut Found) -> Option<Test> {
    let written = members.get(OPERATOR);
    let name = written.and_then(Json::as_str);
    let Some((name, operand)) = OPERATORS.iter().find(|(known, _)| name == Some(*known)) else {
        let names = OPERATORS.map(|(name, _)| name).join("`, `");
        match written {
            Some(value) => {
                let pointer = at.child(OPERATOR, value).pointer;
                found.report(&pointer, format!("must be one of `{names}`"));
            }
            None => found.report(&at.pointer, format!("has no `{OPERATOR}`: there are `{names}`")),
        }
        return None;
    };
    let wanted = operand.member();
    for member in [VALUES, VALUE] {
        if Some(member) != wanted && members.contains_key(member) {
            found.report(&at.pointer, format!("must have no `{member}`: `{name}` has none"));
            return None;
        }
    }
    let compared = wanted.and_then(|member| Some(at.child(member, members.get(member)?)));
    match (operand, compared, wanted) {
        (Operand::Any(test), Some(at), _) => values(&at, any, found).map(test),
        (Operand::Texts(test), Some(at), _) => values(&at, text, found).map(test),
        (Operand::Number(comparison), Some(at), _) => {
            number(&at, found).map(|limit| Test::Number(*comparison, limit))
        }
        (Operand::None(test), ..) => Some(test()),
        (_, None, wanted) => {
            let wanted = wanted.unwrap_or_default();
            found.report(&at.pointer, format!("has no `{wanted}`, which `{name}` needs"));
            None
        }
    }
}

impl Operand {
    /// The member of the condition that has it.
    fn member(self) -> Option<&'static str> {
        match self {
            Self::Any(_) | Self::Texts(_) => Some(VALUES),
            Self::Number(_) => Some(VALUE),
            Self::None(_) => None,
        }
    }
}

/// One or more values.
fn values<T>(
    at: &At<'_>,
    one: fn(&At<'_>, &mut Found) -> Option<T>,
    found: &mut Found,
) -> Option<Vec<T>> {
    let items = at.items(VALUES_MAX, found)?;
    if items.is_empty() {
        found.report(&at.pointer, "must not be empty");
        return None;
    }
    let mut values = Vec::new();
    for (number, item) in items.iter().enumerate() {
        values.extend(one(&at.child(&number.to_string(), item), found));
    }
    (values.len() == items.len()).then_some(values)
}

fn any(at: &At<'_>, found: &mut Found) -> Option<Attribute> {
    match at.value {
        Json::Bool(value) => Some(Attribute::Boolean(*value)),
        Json::Number(number) => number.as_f64().map(Attribute::Number),
        Json::String(_) => text(at, found).map(Attribute::Text),
        _ => {
            found.report(&at.pointer, "must be a string, a number or a boolean");
            None
        }
    }
}

fn text(at: &At<'_>, found: &mut Found) -> Option<String> {
    at.text(CONDITION_TEXT_MAX_BYTES, found).map(str::to_owned)
}

fn number(at: &At<'_>, found: &mut Found) -> Option<f64> {
    let number = at.value.as_f64();
    if number.is_none() {
        found.report(&at.pointer, "must be a number");
    }
    number
}
