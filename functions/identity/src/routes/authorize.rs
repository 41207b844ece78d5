//! `/oauth2/authorize`: the page on which users sign in for a third-party application and grant the
//! requested scopes.
//!
//! Until client and redirect URI have been compared with the registration, errors are shown on a
//! page of the shop: a redirect would make this an open redirector.

use super::App;
use super::client::Client as Visitor;
use super::errors::OAuthError;
use super::page;
use super::parameters::Parameters;
use crate::domain::client::Client;
use crate::domain::code::{Authorization, is_challenge};
use crate::domain::email::Email;
use crate::ports::Environment;
use crate::service::Error;
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use chassis::store::Store;
use form_urlencoded::Serializer;
use http::{HeaderValue, StatusCode, header};

/// Longest `state` and `nonce`, in bytes.
const OPAQUE_BYTES_MAX: usize = 2048;

/// Where to redirect to: a registered address.
struct Return<'a> {
    redirect_uri: &'a str,
    state: Option<&'a str>,
    issuer: &'a str,
}

impl<S: Store, E: Environment> App<S, E> {
    /// `GET /oauth2/authorize`: shows the form.
    pub(super) async fn show_sign_in(
        State(app): State<Self>,
        RawQuery(query): RawQuery,
    ) -> Response {
        let parameters = Parameters::from_form(query.unwrap_or_default().as_bytes());
        app.answer(parameters, None).await
    }

    /// `POST /oauth2/authorize`: the form, filled in.
    pub(super) async fn submit_sign_in(
        State(app): State<Self>,
        visitor: Visitor,
        request: Request,
    ) -> Response {
        // Another site could sign its visitor in to a foreign account.
        if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
            return page::refusal("The form was not sent from its own page.");
        }
        app.answer(Parameters::from_body(request).await, Some(&visitor)).await
    }

    async fn answer(
        &self,
        parameters: Result<Parameters, OAuthError>,
        submitted: Option<&Visitor>,
    ) -> Response {
        let parameters = match &parameters {
            Ok(parameters) => parameters,
            Err(error) => return page::refusal(&error.description),
        };
        let settings = match self.0.settings().await {
            Ok(settings) => settings,
            Err(error) => return chassis::Problem::from(error).into_response(),
        };
        let client_id = parameters.get("client_id").unwrap_or_default();
        let redirect_uri = parameters.get("redirect_uri").unwrap_or_default();
        let Some(client) = registered(&settings.clients, client_id, redirect_uri) else {
            return page::refusal("The application or the address to return to is not registered.");
        };
        let state = parameters.get("state").filter(|state| state.len() <= OPAQUE_BYTES_MAX);
        let back = Return { redirect_uri, state, issuer: &settings.issuer };
        let authorization = match read_authorization(parameters, client, redirect_uri) {
            Err(error) => return back.with_error(&error),
            Ok(authorization) => authorization,
        };
        let form =
            page::ConsentForm { client: client.name(), scope: &authorization.scope, parameters };
        match (submitted, parameters.get("decision")) {
            (Some(_), Some("deny")) => {
                back.with_error(&OAuthError::new("access_denied", "the user denied the request"))
            }
            (Some(visitor), Some("allow")) => {
                self.sign_in(&form, &authorization, &back, visitor).await
            }
            (Some(_), _) => {
                form.show(StatusCode::BAD_REQUEST, Some("Choose whether to allow access."))
            }
            (None, _) if parameters.get("prompt") == Some("none") => {
                back.with_error(&OAuthError::new("login_required", "no user is signed in here"))
            }
            (None, _) => form.show(StatusCode::OK, None),
        }
    }

    async fn sign_in(
        &self,
        form: &page::ConsentForm<'_>,
        authorization: &Authorization,
        back: &Return<'_>,
        visitor: &Visitor,
    ) -> Response {
        let email = form.parameters.get("email").unwrap_or_default();
        let password = form.parameters.get("password").unwrap_or_default();
        let attempt = async {
            let code = async {
                let user = self.0.sign_in(Email::parse(email).as_ref(), password).await?;
                self.0.authorize(&user, authorization.clone()).await
            };
            Ok(match code.await {
                Ok(code) => back.with(&[("code", &code)]),
                Err(Error::WrongCredentials) => {
                    let advice = "No account has this e-mail address and password.";
                    form.show(StatusCode::FORBIDDEN, Some(advice))
                }
                Err(Error::Busy(_)) => {
                    let advice = "Too many users are signing in. Try again in a moment.";
                    form.show(StatusCode::SERVICE_UNAVAILABLE, Some(advice))
                }
                Err(error) => back.with_error(&error.into()),
            })
        };
        match self.attempt(visitor, email, attempt).await {
            Err(problem) if problem.status() == StatusCode::TOO_MANY_REQUESTS => {
                let advice = "Too many attempts. Try again in a minute.";
                let page = form.show(problem.status(), Some(advice));
                with_limits_of(problem.into_response(), page)
            }
            other => other.into_response(),
        }
    }
}

/// The page, with the rate limit headers of the problem.
fn with_limits_of(problem: Response, mut page: Response) -> Response {
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        if let Some(value) = problem.headers().get(name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

fn registered<'a>(clients: &'a [Client], id: &str, redirect_uri: &str) -> Option<&'a Client> {
    clients.iter().find(|client| {
        client.id == id && client.redirect_uris.iter().any(|known| known == redirect_uri)
    })
}

fn read_authorization(
    parameters: &Parameters,
    client: &Client,
    redirect_uri: &str,
) -> Result<Authorization, OAuthError> {
    if parameters.require("response_type")? != "code" {
        let only = "response_type must be code";
        return Err(OAuthError::new("unsupported_response_type", only));
    }
    // Absent means `plain` (RFC 7636 section 4.3), which does not protect the code.
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
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        code_challenge: code_challenge.to_owned(),
        scope: client.scopes_of(parameters.get("scope").unwrap_or_default()),
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
        // 303: the browser must not send the password to the application.
        let mut response = StatusCode::SEE_OTHER.into_response();
        response.headers_mut().insert(header::LOCATION, target);
        page::protect(&mut response);
        response
    }

    fn with_error(&self, error: &OAuthError) -> Response {
        self.with(&[("error", error.code), ("error_description", &error.description)])
    }
}
