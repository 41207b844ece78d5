//! `/api/v1/users` and `/api/v1/sessions`.

use super::App;
use super::client::Client;
use super::errors::of_caller;
use crate::domain::email::{ADDRESS_BYTES_MAX, Email};
use crate::domain::password;
use crate::domain::secret::{base64url, sha256};
use crate::domain::user::{
    Changes, LANGUAGE_BYTES_MAX, LANGUAGE_DEFAULT, NAME_CHARS_MAX, Registration, User, is_language,
};
use crate::ports::Environment;
use crate::service::Swept;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chassis::auth::{Caller, Scope, Scoped};
use chassis::clock::rfc3339;
use chassis::form::{Fields, JsonBody};
use chassis::http::IfMatch;
use chassis::store::Store;
use chassis::text::is_visible;
use chassis::{Problem, Result};
use http::{StatusCode, header};
use serde::Serialize;

/// Longest password that is checked, in characters; then its bytes are counted.
pub(super) const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 0..=4096;

/// The scope `openid`: the application may read the user's id.
pub(super) struct OpenId;

impl Scope for OpenId {
    const NAME: &'static str = "openid";
}

/// What was registered.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(super) struct Registered {
    #[cfg_attr(test, schemars(with = "String", email))]
    email: Email,
    /// BCP 47 tag.
    language: String,
    name: String,
}

/// An account.
// The entity tag is a digest of this JSON, so the order of the members matters.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "User"))]
pub(super) struct UserView<'a> {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    created_at: String,
    #[cfg_attr(test, schemars(with = "String", email))]
    email: &'a Email,
    id: &'a str,
    /// BCP 47 tag.
    language: &'a str,
    name: &'a str,
    #[cfg_attr(
        test,
        schemars(extend("items" = {"type": "string", "enum": ["customer", "admin"]}))
    )]
    roles: &'a [String],
}

/// The part of an account that a third-party application sees.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(super) struct SharedUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>", email))]
    email: Option<Email>,
    id: String,
    /// BCP 47 tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl<S: Store, E: Environment> App<S, E> {
    /// The same response whether or not the address has an account.
    pub(super) async fn register(
        State(app): State<Self>,
        client: Client,
        body: JsonBody,
    ) -> Result<Response> {
        let registration = read_registration(&body)?;
        let Registration { email, name, language, .. } = registration.clone();
        let account = email.as_str().to_owned();
        let register = async {
            app.0.register(registration).await?;
            Ok((StatusCode::ACCEPTED, Json(Registered { email, language, name })))
        };
        app.attempt(&client, &account, register).await
    }

    pub(super) async fn open_session(
        State(app): State<Self>,
        client: Client,
        body: JsonBody,
    ) -> Result<Response> {
        let mut fields = body.fields();
        let text = fields.string("email", 0..=ADDRESS_BYTES_MAX);
        let password = fields.string("password", PASSWORD_CHARS);
        fields.finish()?;
        let (text, password) = (text.unwrap_or_default(), password.unwrap_or_default());
        let sign_in = async {
            let user = app.0.sign_in(Email::parse(&text).as_ref(), &password).await?;
            let tokens = app.0.open_session(&user).await?;
            Ok(([(header::CACHE_CONTROL, "no-store")], Json(tokens)))
        };
        app.attempt(&client, &text, sign_in).await
    }

    pub(super) async fn end_sessions(
        State(App(identity)): State<Self>,
        caller: Caller,
    ) -> Result<StatusCode> {
        identity.end_sessions(&caller.user_id).await.map_err(of_caller)?;
        Ok(StatusCode::NO_CONTENT)
    }

    pub(super) async fn me(
        State(App(identity)): State<Self>,
        Scoped(caller, _): Scoped<OpenId>,
    ) -> Result<Response> {
        let user = identity.user(&caller.user_id).await.map_err(of_caller)?;
        Ok(match caller.client {
            None => profile(&user),
            Some(_) => shared(user, &caller.scopes),
        })
    }

    /// What the body leaves out stays as it is.
    pub(super) async fn change_profile(
        State(App(identity)): State<Self>,
        caller: Caller,
        if_match: IfMatch,
        body: JsonBody,
    ) -> Result<Response> {
        let changes = read_changes(&body)?;
        let expected = |user: &User| if_match.matches(&etag(user));
        let changed = identity.change_profile(&caller.user_id, &changes, expected).await;
        Ok(profile(&changed.map_err(of_caller)?))
    }

    pub(super) async fn sweep(State(App(identity)): State<Self>) -> Result<Json<Swept>> {
        Ok(Json(identity.sweep().await?))
    }
}

/// The caller's own account, with its ETag.
fn profile(user: &User) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store".to_owned()), (header::ETAG, etag(user))];
    (headers, Json(represent(user))).into_response()
}

/// What a third-party application may see of the account.
fn shared(user: User, scopes: &[String]) -> Response {
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let view = SharedUser {
        email: has("email").then_some(user.email),
        language: has("profile").then_some(user.language),
        name: has("profile").then_some(user.name),
        id: user.id,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response()
}

/// A strong validator of the representation.
fn etag(user: &User) -> String {
    let digest = sha256(&serde_json::to_vec(&represent(user)).unwrap_or_default());
    format!("\"{}\"", base64url(&digest[..12]))
}

fn read_changes(body: &JsonBody) -> Result<Changes> {
    let mut fields = body.fields();
    let name = fields.optional_string("name", 1..=NAME_CHARS_MAX);
    let language = fields.optional_string("language", 1..=LANGUAGE_BYTES_MAX);
    check_person(&mut fields, name.as_deref(), language.as_deref());
    fields.finish()?;
    Ok(Changes { name: name.map(|name| name.trim().to_owned()), language })
}

fn check_person(fields: &mut Fields<'_>, name: Option<&str>, language: Option<&str>) {
    if name.is_some_and(|name| !is_visible(name)) {
        fields.fault("name", "must not be blank or contain invisible characters");
    }
    if language.is_some_and(|tag| !is_language(tag)) {
        fields.fault("language", "must be a BCP 47 language tag, like en or pt-BR");
    }
}

/// The address, if it is valid; a fault otherwise.
pub(super) fn checked_email(fields: &mut Fields<'_>, text: Option<String>) -> Option<Email> {
    let email = text.as_deref().and_then(Email::parse);
    if text.is_some() && email.is_none() {
        fields.fault("email", "must be an e-mail address in ASCII");
    }
    email
}

fn read_registration(body: &JsonBody) -> Result<Registration> {
    let mut fields = body.fields();
    let email = fields.string("email", 1..=ADDRESS_BYTES_MAX);
    let password = fields.string("password", PASSWORD_CHARS);
    let name = fields.string("name", 1..=NAME_CHARS_MAX);
    let language = fields.optional_string("language", 1..=LANGUAGE_BYTES_MAX);
    let email = checked_email(&mut fields, email);
    if let Some(fault) = password.as_deref().and_then(password::fault) {
        fields.fault("password", fault);
    }
    check_person(&mut fields, name.as_deref(), language.as_deref());
    fields.finish()?;
    let complete = || {
        let language = language.unwrap_or_else(|| LANGUAGE_DEFAULT.to_owned());
        let name = name?.trim().to_owned();
        Some(Registration { email: email?, password: password?, name, language })
    };
    complete().ok_or_else(Problem::internal)
}

fn represent(user: &User) -> UserView<'_> {
    UserView {
        created_at: rfc3339(user.created_at_ms),
        email: &user.email,
        id: &user.id,
        language: &user.language,
        name: &user.name,
        roles: &user.roles,
    }
}
