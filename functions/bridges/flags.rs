//! Feature flags on hosts that have none, like stock Spin: evaluates the definitions in the variable
//! `feature_flags` of the importer, with the code of Tessera. An operator changes them with the
//! variable.
#![cfg(target_family = "wasm")]

use bindings::exports::tessera::flags::evaluation as contract;
use spin_sdk::variables;
use std::sync::{Arc, Mutex, PoisonError};
use tessera_flags::{Error, ErrorCode, Evaluation, Flags, Kind, Value};

/// The variable of the importer.
const VARIABLE: &str = "feature_flags";

/// The last value of the variable and the flags that it defines: an instance may serve many
/// requests.
static LAST: Mutex<Option<(String, Arc<Flags>)>> = Mutex::new(None);

struct Component;

impl contract::Guest for Component {
    async fn evaluate_boolean(
        key: String,
        default_value: bool,
        context: contract::Context,
    ) -> contract::BooleanEvaluation {
        let value = |value: &Value| match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        };
        let (value, details) = evaluate(&key, Kind::Boolean, context, value).await;
        contract::BooleanEvaluation { value: value.unwrap_or(default_value), details }
    }

    async fn evaluate_string(
        key: String,
        default_value: String,
        context: contract::Context,
    ) -> contract::StringEvaluation {
        let (value, details) = evaluate(&key, Kind::String, context, text).await;
        contract::StringEvaluation { value: value.unwrap_or(default_value), details }
    }

    async fn evaluate_integer(
        key: String,
        default_value: i64,
        context: contract::Context,
    ) -> contract::IntegerEvaluation {
        let value = |value: &Value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        };
        let (value, details) = evaluate(&key, Kind::Integer, context, value).await;
        contract::IntegerEvaluation { value: value.unwrap_or(default_value), details }
    }

    async fn evaluate_double(
        key: String,
        default_value: f64,
        context: contract::Context,
    ) -> contract::DoubleEvaluation {
        let value = |value: &Value| match value {
            Value::Double(number) => Some(*number),
            _ => None,
        };
        let (value, details) = evaluate(&key, Kind::Double, context, value).await;
        contract::DoubleEvaluation { value: value.unwrap_or(default_value), details }
    }

    async fn evaluate_object(
        key: String,
        default_value: String,
        context: contract::Context,
    ) -> contract::StringEvaluation {
        let (value, details) = evaluate(&key, Kind::Object, context, text).await;
        contract::StringEvaluation { value: value.unwrap_or(default_value), details }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Object(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The value of a flag, and how it was chosen.
async fn evaluate<T>(
    key: &str,
    kind: Kind,
    context: contract::Context,
    value: impl Fn(&Value) -> Option<T>,
) -> (Option<T>, contract::Details) {
    match (definitions().await, from_contract(context)) {
        (Ok(flags), Ok(context)) => {
            let evaluation = flags.evaluate(key, Some(kind), &context);
            let value = evaluation.variant.and_then(|variant| value(&variant.value));
            (value, details(&evaluation))
        }
        (Err(error), _) => (None, details(&Evaluation::error(error.code, error.message))),
        (_, Err(invalid)) => {
            (None, details(&Evaluation::error(ErrorCode::InvalidContext, invalid.0)))
        }
    }
}

/// The flags that the variable defines now.
async fn definitions() -> Result<Arc<Flags>, Error> {
    let text = variables::get(VARIABLE).await.map_err(|error| Error {
        code: ErrorCode::General,
        message: format!("the variable `{VARIABLE}` can't be read: {error}"),
    })?;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, flags)) = &*last
        && *known == text
    {
        return Ok(flags.clone());
    }
    let flags = Flags::parse(text.as_bytes()).map_err(|problems| Error {
        code: ErrorCode::ParseError,
        message: format!("the variable `{VARIABLE}` is invalid: {problems}"),
    })?;
    let flags = Arc::new(flags);
    *last = Some((text, flags.clone()));
    Ok(flags)
}

tessera_flags::contract_conversions!(contract);

#[allow(warnings, unsafe_code, clippy::all, clippy::pedantic)]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/flags",
        world: "function",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });

    use super::Component;
    export!(Component);
}
