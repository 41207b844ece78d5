//! Changing and resetting passwords, deleting an account.

use super::App;
use super::client::Client;
use super::errors::{of_caller, weak};
use super::users::{PASSWORD_CHARS, checked_email};
use crate::domain::email::ADDRESS_BYTES_MAX;
use crate::domain::password;
use crate::ports::Environment;
use crate::service::Error;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use chassis::auth::Caller;
use chassis::form::{Fields, JsonBody};
use chassis::store::Store;
use chassis::{Problem, Result};
use http::StatusCode;
use serde_json::json;

impl<S: Store, E: Environment> App<S, E> {
    pub(super) async fn change_password(
        State(app): State<Self>,
        client: Client,
        caller: Caller,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let current = fields.string("current_password", PASSWORD_CHARS);
        let new = new_password(&mut fields);
        fields.finish()?;
        let (id, current, new) =
            (&caller.user_id, current.unwrap_or_default(), new.unwrap_or_default());
        let change = async { done(app.0.change_password(id, &current, &new).await) };
        app.attempt(&client, id, change).await
    }

    /// The same response for every address.
    pub(super) async fn request_reset(
        State(app): State<Self>,
        client: Client,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let text = fields.string("email", 1..=ADDRESS_BYTES_MAX);
        let email = checked_email(&mut fields, text);
        fields.finish()?;
        let email = email.ok_or_else(Problem::internal)?;
        let request = async {
            app.0.request_password_reset(&email).await?;
            Ok((StatusCode::ACCEPTED, Json(json!({}))))
        };
        app.attempt(&client, email.as_str(), request).await
    }

    pub(super) async fn reset_password(
        State(app): State<Self>,
        client: Client,
        Path(token): Path<String>,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let new = new_password(&mut fields);
        fields.finish()?;
        let account = token.split('.').next().unwrap_or_default();
        let reset = async { done(app.0.reset_password(&token, &new.unwrap_or_default()).await) };
        app.attempt(&client, account, reset).await
    }

    pub(super) async fn delete_account(
        State(app): State<Self>,
        client: Client,
        caller: Caller,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let password = fields.string("password", PASSWORD_CHARS);
        fields.finish()?;
        let (id, password) = (&caller.user_id, password.unwrap_or_default());
        let delete = async { done(app.0.delete_account(id, &password).await) };
        app.attempt(&client, id, delete).await
    }
}

fn new_password(fields: &mut Fields<'_>) -> Option<String> {
    let new = fields.string("new_password", PASSWORD_CHARS);
    if let Some(fault) = new.as_deref().and_then(password::fault) {
        fields.fault("new_password", fault);
    }
    new
}

fn done(result: std::result::Result<(), Error>) -> Result<StatusCode> {
    match result {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(Error::WeakPassword(reason)) => Err(weak("/new_password", reason)),
        Err(error) => Err(of_caller(error)),
    }
}
