//! `/oauth2/authorize`: the page on which people sign in for another application.
//!
//! Until client and redirect URI have been compared with the registration, errors stay on a
//! page of ours: sending them on would make this an open redirector.

use super::errors::OAuthError;
use super::page;
use super::parameters::Parameters;
use crate::domain::client::{Client, known_scopes};
use crate::domain::code::is_challenge;
use crate::domain::email::Email;
use crate::ports::Environment;
use crate::service::{Authorization, Error, Identity};
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use chassis::store::Store;
use form_urlencoded::Serializer;
use http::{HeaderValue, StatusCode, header};

/// Longest `state` and `nonce` that are carried, in bytes.
const OPAQUE_BYTES_MAX: usize = 2048;

/// Where the answer goes, once that is known to be safe.
struct Return<'a> {
    redirect_uri: &'a str,
    state: Option<&'a str>,
    issuer: &'a str,
}

/// `GET /oauth2/authorize`: shows the form.
pub(super) async fn show<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::from_form(query.unwrap_or_default().as_bytes());
    match parameters {
        Ok(parameters) => answer(&identity, &parameters, false).await,
        Err(error) => page::refusal(&error.description),
    }
}

/// `POST /oauth2/authorize`: the form, filled in.
pub(super) async fn submit<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    request: Request,
) -> Response {
    // Another site would sign its visitor in as somebody else.
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return page::refusal("The form was not sent from its own page.");
    }
    match Parameters::from_body(request).await {
        Ok(parameters) => answer(&identity, &parameters, true).await,
        Err(error) => page::refusal(&error.description),
    }
}

async fn answer<S: Store, E: Environment>(
    identity: &Identity<S, E>,
    parameters: &Parameters,
    submitted: bool,
) -> Response {
    let settings = match identity.settings().await {
        Ok(settings) => settings,
        Err(error) => return chassis::Problem::from(error).into_response(),
    };
    let client_id = parameters.get("client_id").unwrap_or_default();
    let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
    if !is_registered(&settings.clients, client_id, redirect_uri) {
        return page::refusal("The application or the address to return to is not registered.");
    }
    let state = parameters.get("state").filter(|state| state.len() <= OPAQUE_BYTES_MAX);
    let back = Return { redirect_uri, state, issuer: &settings.issuer };
    match read_authorization(parameters, client_id, redirect_uri) {
        Err(error) => back.with_error(&error),
        Ok(authorization) if submitted => sign_in(identity, parameters, authorization, &back).await,
        Ok(_) if parameters.get("prompt") == Some("none") => {
            back.with_error(&OAuthError::new("login_required", "nobody is signed in here"))
        }
        Ok(_) => page::form(StatusCode::OK, parameters, None),
    }
}

async fn sign_in<S: Store, E: Environment>(
    identity: &Identity<S, E>,
    parameters: &Parameters,
    authorization: Authorization,
    back: &Return<'_>,
) -> Response {
    let email = parameters.get("email").and_then(Email::parse);
    let password = parameters.get("password").unwrap_or_default();
    let user = match identity.sign_in(email.as_ref(), password).await {
        Ok(user) => user,
        Err(Error::WrongCredentials) => {
            let advice = "No account has this e-mail address and password.";
            return page::form(StatusCode::FORBIDDEN, parameters, Some(advice));
        }
        Err(error) => return back.with_error(&error.into()),
    };
    match identity.authorize(&user, authorization).await {
        Ok(code) => back.with(&[("code", &code)]),
        Err(error) => back.with_error(&error.into()),
    }
}

fn is_registered(clients: &[Client], id: &str, redirect_uri: &str) -> bool {
    clients.iter().any(|client| {
        client.id == id && client.redirect_uris.iter().any(|known| known == redirect_uri)
    })
}

fn read_authorization(
    parameters: &Parameters,
    client_id: &str,
    redirect_uri: &str,
) -> Result<Authorization, OAuthError> {
    if parameters.require("response_type")? != "code" {
        let only = "response_type must be code";
        return Err(OAuthError::new("unsupported_response_type", only));
    }
    // Absent means `plain` (RFC 7636 section 4.3), which protects nobody.
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
    }
    let code_challenge = parameters.require("code_challenge")?;
    if !is_challenge(code_challenge) {
        return Err(OAuthError::invalid_request("code_challenge must be 32 bytes in base64url"));
    }
    let opaque = [parameters.get("state"), parameters.get("nonce")];
    if opaque.into_iter().flatten().any(|value| value.len() > OPAQUE_BYTES_MAX) {
        return Err(OAuthError::invalid_request("state or nonce is too long"));
    }
    Ok(Authorization {
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        code_challenge: code_challenge.to_owned(),
        scope: known_scopes(parameters.get("scope").unwrap_or_default()),
        nonce: parameters.get("nonce").map(str::to_owned),
    })
}

impl Return<'_> {
    /// Sends the browser back with these parameters, `state` and `iss` (RFC 9207).
    fn with(&self, parameters: &[(&str, &str)]) -> Response {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        query.extend_pairs(self.state.map(|state| ("state", state)));
        query.append_pair("iss", self.issuer);
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        let target = format!("{}{separator}{}", self.redirect_uri, query.finish());
        let Ok(target) = HeaderValue::try_from(target) else {
            return page::refusal("The address to return to can't be written.");
        };
        // 303: the browser must not repeat the password to the application.
        let mut response = StatusCode::SEE_OTHER.into_response();
        response.headers_mut().insert(header::LOCATION, target);
        page::protect(&mut response);
        response
    }

    fn with_error(&self, error: &OAuthError) -> Response {
        self.with(&[("error", error.code), ("error_description", &error.description)])
    }
}
