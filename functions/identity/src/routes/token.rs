//! `POST /oauth2/token` and `POST /oauth2/revoke`.

use super::credentials::ClientId;
use super::errors::OAuthError;
use super::parameters::Parameters;
use crate::domain::code::Redemption;
use crate::ports::Environment;
use crate::service::{Identity, Tokens};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chassis::store::Store;
use http::{StatusCode, header};

/// `POST /oauth2/token`
pub(super) async fn token<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    request: Request,
) -> Result<Response, OAuthError> {
    let by_header = ClientId::from_headers(request.headers())?;
    let parameters = Parameters::from_body(request).await?;
    let client = ClientId::of(by_header, &parameters)?;
    let tokens = match parameters.require("grant_type")? {
        "refresh_token" => refresh(&identity, &parameters, &client).await?,
        "authorization_code" => redeem(&identity, &parameters, &client).await?,
        _ => {
            let known = "grant_type must be refresh_token or authorization_code";
            return Err(OAuthError::new("unsupported_grant_type", known));
        }
    };
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    Ok((headers, Json(tokens)).into_response())
}

/// `POST /oauth2/revoke`
pub(super) async fn revoke<S: Store, E: Environment>(
    State(identity): State<Identity<S, E>>,
    request: Request,
) -> Result<Response, OAuthError> {
    let by_header = ClientId::from_headers(request.headers())?;
    let parameters = Parameters::from_body(request).await?;
    let client = ClientId::of(by_header, &parameters)?;
    let token = parameters.require("token")?;
    if is_jwt(token) {
        // Nobody asks about an access token before believing it, so this can't be promised.
        let reason = "access tokens end by themselves; revoke the refresh token";
        return Err(OAuthError::new("unsupported_token_type", reason));
    }
    identity.revoke(token, client.id()).await?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}

async fn refresh<S: Store, E: Environment>(
    identity: &Identity<S, E>,
    parameters: &Parameters,
    client: &ClientId,
) -> Result<Tokens, OAuthError> {
    let token = parameters.require("refresh_token")?;
    Ok(identity.refresh(token, client.id()).await?)
}

async fn redeem<S: Store, E: Environment>(
    identity: &Identity<S, E>,
    parameters: &Parameters,
    client: &ClientId,
) -> Result<Tokens, OAuthError> {
    let code = parameters.require("code")?;
    let redemption = Redemption {
        client_id: client.require()?,
        redirect_uri: parameters.require("redirect_uri")?,
        code_verifier: parameters.require("code_verifier")?,
    };
    if !identity.settings().await?.clients.iter().any(|known| known.id == redemption.client_id) {
        return Err(client.refused("the client is not registered"));
    }
    Ok(identity.redeem(code, redemption).await?)
}

/// A compact JWS begins with the base64url of `{"`.
fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}
