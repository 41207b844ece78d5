//! Requests for messages over HTTP.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chassis::auth::Admin;
use chassis::form::{Fields, JsonBody};
use chassis::problem::Fault;
use chassis::{Problem, ProblemType, Result};
use http::{StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::{LANGUAGE_LENGTH_MAX, Priority, REQUEST_ID_LENGTH_MAX, Request};
use crate::ports::Ports;
use crate::service::{Error, Notifications};

/// Longest user id and template code, in characters.
pub(super) const NAME_LENGTH_MAX: usize = 100;
/// `Retry-After` of a request that was not accepted, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// `POST /api/v1/notifications`: 202 when it is accepted, and the same response to a repetition,
/// regardless of the state of delivery.
pub(super) async fn create<P: Ports>(
    _: Admin,
    State(notifications): State<Notifications<P>>,
    body: JsonBody,
) -> Result<Response> {
    Ok(accepted(&notifications.notify(request(&body)?).await?))
}

/// A message that was accepted.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AcceptedNotification"))]
pub(super) struct AcceptedView<'a> {
    notification_id: &'a str,
    #[cfg_attr(test, schemars(extend("const" = "pending")))]
    status: &'static str,
}

/// The response to a request for a message: 202, and where its progress can be read.
pub(super) fn accepted(id: &str) -> Response {
    let location = [(header::LOCATION, format!("/api/v1/notifications/{id}"))];
    let body = AcceptedView { notification_id: id, status: "pending" };
    (StatusCode::ACCEPTED, location, Json(body)).into_response()
}

fn request(body: &JsonBody) -> Result<Request> {
    let mut fields = body.fields();
    let request_id = fields.string("request_id", 1..=REQUEST_ID_LENGTH_MAX);
    let channel = word(&mut fields, "notification_type", "email or push");
    let user_id = fields.string("user_id", 1..=NAME_LENGTH_MAX);
    let template_code = fields.string("template_code", 1..=NAME_LENGTH_MAX);
    let variables = texts(&mut fields, "variables");
    let language = fields.optional_string("language", 2..=LANGUAGE_LENGTH_MAX);
    let priority = match fields.raw("priority") {
        Some(_) => word(&mut fields, "priority", "low, normal or high"),
        None => Some(Priority::default()),
    };
    let metadata = texts(&mut fields, "metadata");
    fields.finish()?;
    let complete = || {
        Some(Request {
            request_id: request_id?,
            channel: channel?,
            user_id: user_id?,
            template_code: template_code?,
            variables: variables?.into_iter().collect(),
            language,
            priority: priority?,
            metadata: metadata?,
            subject: None,
        })
    };
    complete().ok_or_else(Problem::internal)
}

/// A member that is one of these words.
fn word<T: DeserializeOwned>(fields: &mut Fields<'_>, name: &str, words: &str) -> Option<T> {
    let text = fields.string(name, 1..=NAME_LENGTH_MAX)?;
    let parsed = serde_json::from_value(Value::String(text)).ok();
    if parsed.is_none() {
        fields.fault(name, format!("must be {words}"));
    }
    parsed
}

/// An object of strings with any names; empty if absent.
fn texts(fields: &mut Fields<'_>, name: &str) -> Option<BTreeMap<String, String>> {
    let Some(value) = fields.raw(name) else { return Some(BTreeMap::new()) };
    let Some(members) = value.as_object() else {
        fields.fault(name, "must be an object of strings");
        return None;
    };
    let mut texts = BTreeMap::new();
    for (key, value) in members {
        match value {
            Value::String(text) => {
                texts.insert(key.clone(), text.clone());
            }
            _ => fields.fault(&format!("{name}/{}", escaped(key)), "must be a string"),
        }
    }
    Some(texts)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let at = |member: &str, detail: String| Fault { pointer: format!("/{member}"), detail };
        match error {
            Error::MissingVariables(names) => {
                let fault = |name: &String| {
                    let member = format!("variables/{}", escaped(name));
                    at(&member, "is required by the template".to_owned())
                };
                Problem::unprocessable(names.iter().map(fault).collect())
            }
            Error::Invalid(fault) => Problem::unprocessable(vec![at(&fault.member, fault.detail)]),
            Error::Conflict => Problem::new(ProblemType::RequestIdReused)
                .detail("This request_id was already used with different content."),
            Error::Unavailable(detail) => {
                eprintln!("a notification can't be accepted now: {detail}");
                Problem::unavailable("The notification can't be accepted now.", RETRY_AFTER_S)
            }
        }
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
