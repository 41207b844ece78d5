//! Feature flags: what an operator sees and changes.

use super::query::Query;
use super::reply::{self, Reply};
use super::route::Call;
use crate::feature_flags::{FeatureFlags, Refused, Shown};
use crate::problem::Code;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::sync::Arc;
use tessera_flags::limits::DOCUMENT_MAX_BYTES;

/// The longest name of who changes a flag.
const BY_MAX_BYTES: usize = 256;

/// All flags.
pub(super) fn list(call: &Call<'_>) -> Reply {
    let all: Vec<Value> = call.state.flags.all().iter().map(view).collect();
    reply::json(&json!({ "flags": all }))
}

/// One flag.
pub(super) fn one(call: &Call<'_>) -> Reply {
    answer(call.state.flags.one(&key(call)))
}

/// Who has changed what.
pub(super) fn changes(call: &Call<'_>) -> Reply {
    reply::json(&json!({ "changes": call.state.flags.changes() }))
}

/// Defines a flag. The body is its definition.
pub(super) async fn set(call: Call<'_>) -> Reply {
    let (key, flags, by) = (key(&call), call.state.flags.clone(), by(&call.query));
    match (by, definition(call.body).await) {
        (Ok(by), Ok(text)) => answer(change(flags, move |flags| flags.set(&key, &text, &by)).await),
        (Err(reason), _) | (_, Err(reason)) => reply::problem(Code::BadRequest, &reason),
    }
}

/// Switches a flag on or off.
pub(super) async fn switch(call: Call<'_>, enabled: bool) -> Reply {
    let key = key(&call);
    match by(&call.query) {
        Ok(by) => {
            let flags = call.state.flags.clone();
            answer(change(flags, move |flags| flags.switch(&key, enabled, &by)).await)
        }
        Err(reason) => reply::problem(Code::BadRequest, &reason),
    }
}

/// Removes the definition of an operator.
pub(super) async fn remove(call: Call<'_>) -> Reply {
    let key = key(&call);
    match by(&call.query) {
        Ok(by) => {
            let flags = call.state.flags.clone();
            match change(flags, move |flags| flags.remove(&key, &by)).await {
                Ok(()) => reply::no_content(),
                Err(refused) => problem(&refused),
            }
        }
        Err(reason) => reply::problem(Code::BadRequest, &reason),
    }
}

/// Makes a change, which waits for the disk, whole: also if the client goes away meanwhile.
async fn change<T: Send + 'static>(
    flags: Arc<FeatureFlags>,
    change: impl FnOnce(&FeatureFlags) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let made = tokio::task::spawn_blocking(move || change(&flags)).await;
    made.unwrap_or_else(|error| Err(Refused::Storage(error.into())))
}

/// The key in the path. What is not UTF-8 is the key of no flag.
pub(super) fn key(call: &Call<'_>) -> String {
    percent_decode_str(call.value(0)).decode_utf8_lossy().into_owned()
}

fn by(query: &str) -> Result<String, String> {
    let by = Query::parse(query, &["by"])?.take("by").unwrap_or_default();
    match by.len() <= BY_MAX_BYTES {
        true => Ok(by),
        false => Err(format!("`by` must have at most {BY_MAX_BYTES} bytes")),
    }
}

async fn definition(body: Incoming) -> Result<Vec<u8>, String> {
    let body = Limited::new(body, DOCUMENT_MAX_BYTES).collect().await;
    let body = body.map_err(|error| format!("the body can't be read: {error}"))?.to_bytes();
    Ok(body.into())
}

fn answer(shown: Result<Shown, Refused>) -> Reply {
    match shown {
        Ok(shown) => reply::json(&view(&shown)),
        Err(refused) => problem(&refused),
    }
}

fn problem(refused: &Refused) -> Reply {
    let code = match refused {
        Refused::Invalid(problems) => {
            let error = |one: &tessera_flags::Problem| json!({ "pointer": one.pointer, "detail": one.message });
            let errors = problems.0.iter().map(error).collect();
            let detail = format!("the definition is invalid: {refused}");
            return reply::problem_with_errors(Code::BadRequest, &detail, errors);
        }
        Refused::NotFound => Code::NOT_FOUND,
        Refused::TooMany(_) | Refused::TooLarge(_) | Refused::OfFile => Code::Conflict,
        Refused::Storage(_) => Code::Unavailable,
    };
    reply::problem(code, &refused.to_string())
}

fn view(shown: &Shown) -> Value {
    let Shown { flag, origin, is_in_file } = shown;
    json!({
        "key": **flag.key(),
        "type": flag.kind().name(),
        "is_enabled": flag.is_enabled(),
        "origin": origin,
        "is_in_file": is_in_file,
        "definition": flag.definition(),
    })
}
