//! `POST /oauth2/token` and `POST /oauth2/revoke`.

use super::App;
use super::credentials::ClientId;
use super::errors::OAuthError;
use super::parameters::Parameters;
use crate::domain::code::Redemption;
use crate::ports::Environment;
use crate::service::Tokens;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chassis::store::Store;
use http::{StatusCode, header};

type Result<T> = std::result::Result<T, OAuthError>;

impl<S: Store, E: Environment> App<S, E> {
    pub(super) async fn issue_tokens(
        State(app): State<Self>,
        request: Request,
    ) -> Result<Response> {
        let (client, parameters) = ClientId::read(request).await?;
        let tokens = match parameters.require("grant_type")? {
            "refresh_token" => {
                app.0.refresh(parameters.require("refresh_token")?, client.id()).await?
            }
            "authorization_code" => app.redeem(&parameters, &client).await?,
            _ => {
                let known = "grant_type must be refresh_token or authorization_code";
                return Err(OAuthError::new("unsupported_grant_type", known));
            }
        };
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
        Ok((headers, Json(tokens)).into_response())
    }

    pub(super) async fn revoke_token(
        State(app): State<Self>,
        request: Request,
    ) -> Result<Response> {
        let (client, parameters) = ClientId::read(request).await?;
        let token = parameters.require("token")?;
        if is_jwt(token) {
            // Functions verify access tokens without a call, so they can't be revoked.
            let reason = "access tokens end by themselves; revoke the refresh token";
            return Err(OAuthError::new("unsupported_token_type", reason));
        }
        app.0.revoke(token, client.id()).await?;
        Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
    }

    async fn redeem(&self, parameters: &Parameters, client: &ClientId) -> Result<Tokens> {
        let code = parameters.require("code")?;
        let redemption = Redemption {
            client_id: client.require()?,
            redirect_uri: parameters.require("redirect_uri")?,
            code_verifier: parameters.require("code_verifier")?,
        };
        let clients = self.0.settings().await?.clients;
        if !clients.iter().any(|known| known.id == redemption.client_id) {
            return Err(client.refused("the client is not registered"));
        }
        Ok(self.0.redeem(code, redemption).await?)
    }
}

/// A compact JWS begins with the base64url of `{"`.
fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}
