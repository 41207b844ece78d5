//! Calls of functions by triggers, which know no values of the component model.

use super::FunctionCall;
use crate::engine::instances::FunctionName;
use wasmtime::component::Val;

/// How a function that returns a `result` without a value has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Ok,
    /// With the text of its error.
    Failed(String),
    /// A program has ended itself with this exit code.
    Exited(u8),
}

impl FunctionCall {
    /// A call without arguments.
    pub(crate) fn without_arguments(function: FunctionName) -> Self {
        Self { function, arguments: Vec::new() }
    }

    /// A call with a record of one field, a `u64`.
    pub(crate) fn with_field(function: FunctionName, field: &str, value: u64) -> Self {
        let record = Val::Record(vec![(field.to_owned(), Val::U64(value))]);
        Self { function, arguments: vec![record] }
    }
}

impl Ended {
    /// How the function with these results has ended.
    pub(crate) fn of(results: &[Val]) -> Self {
        match results.first() {
            Some(Val::U8(code)) => Self::Exited(*code),
            Some(Val::Result(Err(error))) => Self::Failed(text(error.as_deref())),
            _ => Self::Ok,
        }
    }
}

/// The text in an error: it is one, or a case with one.
fn text(error: Option<&Val>) -> String {
    match error {
        None => "it returned an error".to_owned(),
        Some(Val::String(text)) => text.clone(),
        Some(Val::Variant(_, Some(value))) => text(Some(value)),
        Some(Val::Variant(case, None) | Val::Enum(case)) => case.clone(),
        Some(other) => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_error_is_what_people_can_read() {
        let failed = |error: Option<Val>| Ended::of(&[Val::Result(Err(error.map(Box::new)))]);
        let other = |value: Option<Val>| Val::Variant("other".into(), value.map(Box::new));
        let expected = |text: &str| Ended::Failed(text.to_owned());
        assert_eq!(failed(Some(other(Some(Val::String("no".into()))))), expected("no"));
        assert_eq!(failed(Some(other(None))), expected("other"));
        assert_eq!(failed(None), expected("it returned an error"));
        assert_eq!(Ended::of(&[Val::Result(Ok(None))]), Ended::Ok);
        assert_eq!(Ended::of(&[]), Ended::Ok);
        assert_eq!(Ended::of(&[Val::U8(3)]), Ended::Exited(3));
    }
}
