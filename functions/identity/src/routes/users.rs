//! `/api/v1/users` and `/api/v1/sessions`.

use crate::domain::email::{ADDRESS_BYTES_MAX, Email};
use crate::domain::password;
use crate::domain::user::{
    LANGUAGE_BYTES_MAX, LANGUAGE_DEFAULT, NAME_CHARS_MAX, User, is_language,
};
use crate::ports::Environment;
use crate::service::{Identity, Registration};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chassis::auth::Caller;
use chassis::clock::rfc3339;
use chassis::form::JsonBody;
use chassis::store::Store;
use chassis::{Problem, Result};
use http::{StatusCode, header};
use serde_json::{Value, json};

/// Longest password in characters that is looked at; its bytes are counted after.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 0..=4096;

/// `POST /api/v1/users`
pub(super) async fn register<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    body: JsonBody,
) -> Result<Response> {
    let user = identity.register(read_registration(&body)?).await?;
    let location = [(header::LOCATION, "/api/v1/users/me")];
    Ok((StatusCode::CREATED, location, Json(represent(&user))).into_response())
}

/// `POST /api/v1/sessions`
pub(super) async fn open_session<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    body: JsonBody,
) -> Result<Response> {
    let mut fields = body.fields();
    let email = fields.string("email", 0..=ADDRESS_BYTES_MAX);
    let password = fields.string("password", PASSWORD_CHARS);
    fields.finish()?;
    let email = email.as_deref().and_then(Email::parse);
    let user = identity.sign_in(email.as_ref(), &password.unwrap_or_default()).await?;
    let tokens = identity.open_session(&user).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(tokens)).into_response())
}

/// `GET /api/v1/users/me`
pub(super) async fn me<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    caller: Caller,
) -> Result<Response> {
    let gone = |_| Problem::unauthorized("The account of this token does not exist.");
    let user = match identity.user(&caller.user_id).await {
        Err(error @ crate::service::Error::NoSuchUser) => Err(gone(error)),
        other => other.map_err(Problem::from),
    }?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(represent(&user))).into_response())
}

fn read_registration(body: &JsonBody) -> Result<Registration> {
    let mut fields = body.fields();
    let email = fields.string("email", 1..=ADDRESS_BYTES_MAX);
    let password = fields.string("password", PASSWORD_CHARS);
    let name = fields.string("name", 1..=NAME_CHARS_MAX);
    let language = fields.optional_string("language", 1..=LANGUAGE_BYTES_MAX);
    let address = email.as_deref().and_then(Email::parse);
    if email.is_some() && address.is_none() {
        fields.fault("email", "must be an e-mail address in ASCII");
    }
    if password.as_deref().is_some_and(|password| !password::is_acceptable(password)) {
        let (least, most) = (password::CHARS_MIN, password::BYTES_MAX);
        fields.fault(
            "password",
            format!("must have {least} characters or more, {most} bytes at most"),
        );
    }
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        fields.fault("name", "must not be blank or contain control characters");
    }
    if language.as_deref().is_some_and(|tag| !is_language(tag)) {
        fields.fault("language", "must be a BCP 47 language tag, like en or pt-BR");
    }
    fields.finish()?;
    let complete = || {
        let language = language.unwrap_or_else(|| LANGUAGE_DEFAULT.to_owned());
        let name = name?.trim().to_owned();
        Some(Registration { email: address?, password: password?, name, language })
    };
    complete().ok_or_else(Problem::internal)
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.chars().any(char::is_control)
}

fn represent(user: &User) -> Value {
    json!({
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "language": user.language,
        "roles": user.roles,
        "created_at": rfc3339(user.created_at_ms),
    })
}
