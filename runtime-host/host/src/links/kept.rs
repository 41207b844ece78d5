//! Answers of functions that are given several times. The author of the manifest names the
//! functions: a contract does not say whether an answer depends on more than the arguments.

use super::plain::encode;
use crate::calls::{Answers, Begun, Call, CallError, KEY_MAX_BYTES, Kind};
use crate::engine::FunctionName;
use std::sync::Arc;
use std::time::Duration;
use tessera_resilience::cache::Lifetime;
use tessera_resilience::{Deadline, Priority};
use wasmtime::component::Val;

type Answer = Result<Vec<Val>, CallError>;

/// The answer to the call of a function: a kept one, that of an equal call, or that of `made`.
/// Without a priority, it does not wait for an equal call.
pub(super) async fn answer(
    answers: &Answers,
    call: &Call,
    priority: Option<Priority>,
    function: &FunctionName,
    arguments: &[Val],
    made: impl Future<Output = Answer>,
) -> Answer {
    let Some(key) = key(function, arguments) else { return made.await };
    let deadline = call.deadline.unwrap_or_else(|| Deadline::after(Duration::MAX));
    let flight = match answers.begin::<Answer>(&key, deadline, priority).await? {
        Begun::Answered(kept) => return (*kept.value).clone(),
        Begun::Alone => return made.await,
        Begun::Leads(flight) => flight,
    };
    let answer = made.await;
    if failed(&answer)
        && let Some(stale) = answers.stale::<Answer>(&key)
    {
        flight.share_kept(&stale);
        return (*stale.value).clone();
    }
    if answer.is_err() || failed(&answer) {
        // Perhaps because of its own deadline, depth or urgency: one that waits makes the call anew.
        drop(flight);
        return answer;
    }
    let mut bytes = Vec::new();
    let is_plain = answer.as_ref().is_ok_and(|values| encode(values, &mut bytes).is_some());
    if !is_plain {
        flight.keep_apart();
        return answer;
    }
    let shared = Arc::new(answer.clone());
    if is_success(&answer) {
        let options = answers.options();
        let lifetime = Lifetime { fresh: options.age_max, stale: options.stale_max };
        // The values take more than their bytes.
        flight.keep(shared.clone(), bytes.len() * size_of::<Val>(), lifetime);
    } else {
        flight.forget();
    }
    flight.share(shared);
    answer
}

/// All that the answer depends on.
fn key(function: &FunctionName, arguments: &[Val]) -> Option<Vec<u8>> {
    // With package and version: a callee may export functions whose short names are equal.
    let mut key = function.to_string().into_bytes();
    key.push(0);
    encode(arguments, &mut key)?;
    (key.len() <= KEY_MAX_BYTES).then_some(key)
}

/// Whether an older answer is better than this one.
fn failed(answer: &Answer) -> bool {
    match answer {
        Err(error) => !matches!(error.kind, Kind::CallDepth | Kind::NotFound),
        Ok(values) => match values.as_slice() {
            [Val::Result(Err(Some(error)))] => {
                matches!(&**error, Val::Variant(case, _) if case == "unavailable")
            }
            _ => false,
        },
    }
}

/// Whether an answer is worth keeping: an error of the contract is not.
fn is_success(answer: &Answer) -> bool {
    let Ok(values) = answer else { return false };
    !matches!(values.as_slice(), [Val::Result(Err(_))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(case: &str) -> Answer {
        let payload = Some(Box::new(Val::String("why".into())));
        let case = Val::Variant(case.to_owned(), payload);
        Ok(vec![Val::Result(Err(Some(Box::new(case))))])
    }

    #[test]
    fn only_successes_are_kept_and_only_failures_are_replaced() {
        let success = Ok(vec![Val::Result(Ok(Some(Box::new(Val::U8(1)))))]);
        let none = Ok(vec![Val::Option(None)]);
        let failure = Err(CallError::new(Kind::Trap, ""));
        let too_deep = Err(CallError::new(Kind::CallDepth, ""));
        let answers = [success, none, failure, too_deep, error("rejected"), error("unavailable")];
        let kept: Vec<_> = answers.iter().map(is_success).collect();
        assert_eq!(kept, [true, true, false, false, false, false]);
        let replaced: Vec<_> = answers.iter().map(failed).collect();
        assert_eq!(replaced, [false, false, true, false, false, true]);
    }

    #[test]
    fn a_key_has_the_function_and_its_arguments() {
        let key = |interface, function, argument: &str| {
            let name = FunctionName::new(interface, function);
            key(&name, &[Val::String(argument.to_owned())])
        };
        let one = key("a:b/i@1.0.0", "f", "a");
        assert_ne!(one, key("a:b/i@1.0.0", "f", "b"));
        assert_ne!(one, key("a:b/i@1.0.0", "g", "a"));
        assert_ne!(one, key("a:b/i@2.0.0", "f", "a"));
        assert_ne!(one, key("a:c/i@1.0.0", "f", "a"));
        assert_eq!(one, key("a:b/i@1.0.0", "f", "a"));
        assert!(key("a:b/i@1.0.0", "f", &"a".repeat(KEY_MAX_BYTES)).is_none());
    }
}
