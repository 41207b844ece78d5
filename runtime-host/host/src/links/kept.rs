//! Answers of functions that are given several times. The author of the manifest names the
//! functions: a contract does not say whether an answer depends on more than the arguments.

use super::plain::encode;
use crate::calls::{Answers, Begun, Call, CallError, KEY_MAX_BYTES, Kind};
use std::sync::Arc;
use std::time::Duration;
use tessera_resilience::Deadline;
use tessera_resilience::cache::Lifetime;
use wasmtime::component::Val;

type Answer = Result<Vec<Val>, CallError>;

/// The answer to the call of a function: a kept one, that of an equal call, or that of `made`.
pub(super) async fn answer(
    answers: &Answers,
    call: &Call,
    arguments: &[Val],
    made: impl Future<Output = Answer>,
) -> Answer {
    let Some(key) = key(&call.operation, arguments) else { return made.await };
    let deadline = call.deadline.unwrap_or_else(|| Deadline::after(Duration::MAX));
    let flight = match answers.begin::<Answer>(&key, deadline).await? {
        Begun::Answered(kept) => return (*kept.value).clone(),
        Begun::Alone => return made.await,
        Begun::Leads(flight) => flight,
    };
    let answer = made.await;
    if failed(&answer)
        && let Some(stale) = answers.stale::<Answer>(&key)
    {
        flight.share(stale.value.clone());
        return (*stale.value).clone();
    }
    let mut bytes = Vec::new();
    let is_plain = answer.as_ref().is_ok_and(|values| encode(values, &mut bytes).is_some());
    if !is_plain && answer.is_ok() {
        flight.keep_apart();
        return answer;
    }
    let shared = Arc::new(answer.clone());
    if is_success(&answer) {
        let options = answers.options();
        let lifetime = Lifetime { fresh: options.age_max, stale: options.stale_max };
        // The values take more than their bytes.
        flight.keep(shared.clone(), bytes.len() * size_of::<Val>(), lifetime);
    } else if answer.is_ok() && !failed(&answer) {
        flight.forget();
    }
    flight.share(shared);
    answer
}

/// All that the answer depends on.
fn key(function: &str, arguments: &[Val]) -> Option<Vec<u8>> {
    let mut key = function.as_bytes().to_vec();
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
        let one = key("i.f", &[Val::String("a".into())]);
        assert_ne!(one, key("i.f", &[Val::String("b".into())]));
        assert_ne!(one, key("i.g", &[Val::String("a".into())]));
        assert_eq!(one, key("i.f", &[Val::String("a".into())]));
        assert!(key("i.f", &[Val::String("a".repeat(KEY_MAX_BYTES))]).is_none());
    }
}
