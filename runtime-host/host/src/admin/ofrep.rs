//! OFREP, the OpenFeature Remote Evaluation Protocol: flags for clients that are no components.
//! <https://github.com/open-feature/protocol>

use super::flags::key;
use super::reply::{self, Reply};
use super::route::Call;
use crate::feature_flags::evaluate;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use tessera_flags::limits::{ATTRIBUTE_VALUE_MAX_BYTES, ATTRIBUTES_MAX};
use tessera_flags::{Context, ErrorCode, Evaluation, InvalidContext};
use xxhash_rust::xxh3::xxh3_128;

/// A full context fits, and some attributes that no rule can ask for.
const BODY_MAX_BYTES: usize = 2 * ATTRIBUTES_MAX * ATTRIBUTE_VALUE_MAX_BYTES;

/// Evaluates one flag.
pub(super) async fn one(call: Call<'_>) -> Reply {
    let (key, state) = (key(&call), call.state);
    let flags = state.flags.snapshot();
    let metrics = &state.telemetry.metrics;
    let evaluation = match context(call.body).await {
        Ok(context) => evaluate(&flags, &key, None, context.as_ref(), metrics),
        Err(reason) => Evaluation::error(ErrorCode::ParseError, reason),
    };
    let status = match &evaluation.error {
        None => StatusCode::OK,
        Some(error) if error.code == ErrorCode::FlagNotFound => StatusCode::NOT_FOUND,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    reply::json_with_status(status, &view(&key, &evaluation))
}

/// Evaluates all flags.
pub(super) async fn all(call: Call<'_>) -> Reply {
    let state = call.state;
    let context = match context(call.body).await {
        Ok(Ok(context)) => context,
        Ok(Err(InvalidContext(reason))) => return failed(ErrorCode::InvalidContext, &reason),
        Err(reason) => return failed(ErrorCode::ParseError, &reason),
    };
    let flags = state.flags.snapshot();
    let evaluated = flags.iter().map(|flag| {
        let key = flag.key();
        let metrics = &state.telemetry.metrics;
        view(key, &evaluate(&flags, key, None, Ok(&context), metrics))
    });
    let body = json!({ "flags": evaluated.collect::<Vec<_>>() });
    tagged(&body, &call.fields)
}

/// The response with its tag, or 304 if the client has it already.
fn tagged(body: &Value, fields: &HeaderMap) -> Reply {
    let tag = format!("\"{:032x}\"", xxh3_128(body.to_string().as_bytes()));
    let mut reply = reply::json(body);
    if is_known(&tag, fields) {
        reply = Reply::default();
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

/// Whether `If-None-Match` has a tag (RFC 9110, section 13.1.2; the comparison is weak).
fn is_known(tag: &str, fields: &HeaderMap) -> bool {
    let values = fields.get_all(IF_NONE_MATCH).iter();
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    tags.any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// The context in the body of a request; none is an empty one.
async fn context(body: Incoming) -> Result<Result<Context, InvalidContext>, String> {
    let body = Limited::new(body, BODY_MAX_BYTES).collect().await;
    let body = body.map_err(|error| format!("the body can't be read: {error}"))?.to_bytes();
    parsed(&body)
}

fn parsed(body: &[u8]) -> Result<Result<Context, InvalidContext>, String> {
    let members: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| format!("the body must be an object with a `context`: {error}"))?;
    Ok(members.get("context").map_or_else(|| Ok(Context::default()), Context::from_json))
}

/// One evaluation. Without a value, the client uses its own default.
fn view(key: &str, evaluation: &Evaluation<'_>) -> Value {
    if let Some(error) = &evaluation.error {
        return json!({
            "key": key, "errorCode": error.code.name(), "errorDetails": error.message,
        });
    }
    let mut view = json!({ "key": key, "reason": evaluation.reason.name() });
    if let Some(variant) = evaluation.variant {
        view["variant"] = Value::from(&*variant.name);
        view["value"] = variant.value.to_json();
    }
    view
}

fn failed(code: ErrorCode, details: &str) -> Reply {
    let body = json!({ "errorCode": code.name(), "errorDetails": details });
    reply::json_with_status(StatusCode::BAD_REQUEST, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_lists_of_tags() {
        for (list, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let fields = [(IF_NONE_MATCH, HeaderValue::from_static(list))].into_iter().collect();
            assert_eq!(is_known("\"a\"", &fields), expected, "{list}");
        }
        assert!(!is_known("\"a\"", &HeaderMap::new()));
    }

    #[test]
    fn a_body_without_a_context_has_an_empty_one() {
        assert_eq!(parsed(b"{}"), Ok(Ok(Context::default())));
        assert!(parsed(br#"{"context":[]}"#).unwrap().is_err());
        assert!(parsed(b"").is_err() && parsed(b"[]").is_err());
    }
}
