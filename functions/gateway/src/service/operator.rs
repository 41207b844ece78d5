//! Pages for operators. An administrator signs in with HTTP Basic, which needs no sign-in page and
//! leaves nothing in the browser's storage.

use super::{Gateway, Origin};
use crate::domain::quota::{Limit, checks};
use crate::ports::{Ports, Settings, Upstream};
use axum::body::{Body, to_bytes};
use chassis::auth::{Caller, authenticate};
use chassis::quota::{Rates, counted};
use chassis::{Problem, ProblemType};
use data_encoding::BASE64;
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

/// The timeout for checking a password at identity. Milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// Longest response of identity that is read, in bytes.
const SESSION_BYTES_MAX: usize = 16 * 1024;

/// Address and password of `Authorization: Basic`, if it is present.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (email, password) = text.split_once(':')?;
    Some((email.to_owned(), password.to_owned()))
}

/// Adds the challenge that makes the browser ask for credentials.
pub(super) fn ask_to_sign_in(problem: Problem) -> Problem {
    if problem.status() != StatusCode::UNAUTHORIZED {
        return problem;
    }
    Problem::new(ProblemType::Unauthorized)
        .detail("Open this page on the machine that runs the shop, or sign in as an administrator.")
        .header(header::WWW_AUTHENTICATE, "Basic realm=\"administrators\", charset=\"UTF-8\"")
}

impl<P: Ports> Gateway<P> {
    /// The administrator with this address and password. Attempts are counted here like all
    /// others, and by identity.
    pub(super) async fn administrator(
        &self,
        (email, password): (String, String),
        settings: &Settings,
        origin: &Origin,
    ) -> Result<Caller, Problem> {
        let address = counted(&origin.address);
        let quotas = settings.quotas.as_ref();
        let attempt = quotas.map(|quotas| checks(Limit::Credentials, quotas, &address, None));
        Rates::count(self.ports.limiter(), attempt.into_iter().flatten()).await?;
        let body = json!({"email": email, "password": password}).to_string();
        let request = Request::post("http://identity.spin.internal/api/v1/sessions")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", &origin.address)
            .body(Body::from(body))
            .map_err(|_| Problem::internal())?;
        let response = self.ports.upstream().forward(request, TIMEOUT_MS).await;
        let response = response.map_err(|error| super::unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                return Err(Problem::unavailable("Too many attempts. Try again later.", 5));
            }
            _ => return Err(Problem::unauthorized("Wrong address or password.")),
        }
        let bytes = to_bytes(response.into_body(), SESSION_BYTES_MAX).await;
        let session: Value = serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default();
        if let Some(token) = session["refresh_token"].as_str() {
            self.sign_out(token).await;
        }
        let token = session["access_token"].as_str().unwrap_or_default();
        let caller = authenticate(token, self.ports.keys()).await?;
        if caller.is_admin() {
            return Ok(caller);
        }
        Err(Problem::forbidden("This needs the role admin."))
    }

    /// Ends the session of this request. A user can have only a few sessions, and new ones replace
    /// the oldest. If this fails, the session expires by itself.
    async fn sign_out(&self, refresh_token: &str) {
        let body = json!({"token": refresh_token}).to_string();
        let request = Request::post("http://identity.spin.internal/oauth2/revoke")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body));
        let Ok(request) = request else { return };
        match self.ports.upstream().forward(request, TIMEOUT_MS).await {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => {
                eprintln!("the session of an operator page was not ended: {}", response.status())
            }
            Err(error) => eprintln!("the session of an operator page was not ended: {error}"),
        }
    }
}
