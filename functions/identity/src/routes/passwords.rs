//! Changing and resetting passwords, deleting an account.

use super::client::{Client, rated};
use super::errors::{of_caller, weak};
use super::users::PASSWORD_CHARS;
use crate::domain::email::{ADDRESS_BYTES_MAX, Email};
use crate::domain::password;
use crate::ports::Environment;
use crate::service::{Error, Identity};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chassis::auth::Caller;
use chassis::form::{Fields, JsonBody};
use chassis::store::Store;
use chassis::{Problem, Result};
use http::StatusCode;
use serde_json::json;

/// `POST /api/v1/users/me/password`
pub(super) async fn change<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    client: Client,
    caller: Caller,
    body: JsonBody,
) -> Result<Response> {
    let mut fields = body.fields();
    let current = fields.string("current_password", PASSWORD_CHARS);
    let new = new_password(&mut fields);
    fields.finish()?;
    let rates = identity.count_attempt(&client.address, &caller.user_id).await?;
    let (current, new) = (current.unwrap_or_default(), new.unwrap_or_default());
    let changed = identity.change_password(&caller.user_id, &current, &new).await;
    Ok(rated(&rates, done(changed)))
}

/// `POST /api/v1/password-resets`: the same response for every address.
pub(super) async fn ask_for_reset<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    client: Client,
    body: JsonBody,
) -> Result<Response> {
    let mut fields = body.fields();
    let text = fields.string("email", 1..=ADDRESS_BYTES_MAX);
    let email = text.as_deref().and_then(Email::parse);
    if text.is_some() && email.is_none() {
        fields.fault("email", "must be an e-mail address in ASCII");
    }
    fields.finish()?;
    let email = email.ok_or_else(Problem::internal)?;
    let rates = identity.count_attempt(&client.address, email.as_str()).await?;
    let asked = identity.ask_for_reset(&email).await;
    let accepted = |()| (StatusCode::ACCEPTED, Json(json!({})));
    Ok(rated(&rates, asked.map(accepted).map_err(Problem::from)))
}

/// `PUT /api/v1/password-resets/{token}`
pub(super) async fn reset<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    client: Client,
    Path(token): Path<String>,
    body: JsonBody,
) -> Result<Response> {
    let mut fields = body.fields();
    let new = new_password(&mut fields);
    fields.finish()?;
    let account = token.split('.').next().unwrap_or_default();
    let rates = identity.count_attempt(&client.address, account).await?;
    let reset = identity.reset_password(&token, &new.unwrap_or_default()).await;
    Ok(rated(&rates, done(reset)))
}

/// `DELETE /api/v1/users/me`
pub(super) async fn delete_account<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    client: Client,
    caller: Caller,
    body: JsonBody,
) -> Result<Response> {
    let mut fields = body.fields();
    let password = fields.string("password", PASSWORD_CHARS);
    fields.finish()?;
    let rates = identity.count_attempt(&client.address, &caller.user_id).await?;
    let deleted = identity.delete_account(&caller.user_id, &password.unwrap_or_default()).await;
    Ok(rated(&rates, done(deleted)))
}

fn new_password(fields: &mut Fields<'_>) -> Option<String> {
    let new = fields.string("new_password", PASSWORD_CHARS);
    if let Some(fault) = new.as_deref().and_then(password::fault) {
        fields.fault("new_password", fault);
    }
    new
}

fn done(result: std::result::Result<(), Error>) -> Result<impl IntoResponse> {
    match result {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(Error::WeakPassword(reason)) => Err(weak("/new_password", reason)),
        Err(error) => Err(of_caller(error)),
    }
}
