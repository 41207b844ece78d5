//! Sessions: opening, refreshing, and grants to third-party applications.

use super::{Error, Identity};
use crate::domain::client::has_scope;
use crate::domain::code::{Agreement, Authorization, Code, CodeToken, Redemption};
use crate::domain::grants::Grants;
use crate::domain::refresh::{Family, RefreshToken};
use crate::domain::token::{
    ACCESS_LIFETIME_S, AccessClaims, ID_LIFETIME_S, IdClaims, sign_access, sign_id,
};
use crate::domain::user::User;
use crate::ports::Environment;
use crate::records::user_key;
use chassis::store::{Store, StoreError};
use serde::Serialize;

const BAD_REFRESH_TOKEN: &str = "The refresh token is not valid.";
const BAD_CODE: &str = "The authorization code is not valid.";

/// The response of the token endpoint (RFC 6749 section 5.1).
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tokens {
    /// JWT of RFC 9068; valid for `expires_in`.
    pub access_token: String,
    #[cfg_attr(test, schemars(extend("const" = "Bearer")))]
    pub token_type: &'static str,
    /// Seconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub expires_in: u64,
    /// Valid for one use; the response contains its successor.
    pub refresh_token: String,
    /// Space-separated; left out if none was requested.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// With scope `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Opens a session of the shop's own pages.
    pub async fn open_session(&self, user: &User) -> Result<Tokens, Error> {
        let (now_ms, random) = (self.session_time(user), self.random()?);
        let id = chassis::id::new("ses");
        let (family, token) = Family::start(id, &user.id, None, String::new(), &random, now_ms);
        let open = |grants: &mut Grants| grants.open(family.clone(), now_ms);
        self.update_grants(&user.id, Error::WrongCredentials, open).await?;
        self.still_signed_in(user).await?;
        self.issue(user, None, "", token).await
    }

    /// Exchanges a refresh token for new tokens.
    pub async fn refresh(&self, token: &str, client_id: Option<&str>) -> Result<Tokens, Error> {
        let token = RefreshToken::parse(token).ok_or(Error::InvalidGrant(BAD_REFRESH_TOKEN))?;
        let user = self.owner(&token.user_id, BAD_REFRESH_TOKEN).await?;
        let now_ms = self.now_ms();
        let since_ms = user.sessions_from_ms;
        // A refusal may have revoked the family, which is stored like a success.
        let refresh = |grants: &mut Grants| grants.refresh(&token, client_id, since_ms, now_ms);
        let refused = Error::InvalidGrant(BAD_REFRESH_TOKEN);
        let refreshed = self.update_grants(&user.id, refused.clone(), refresh).await?;
        let refreshed = refreshed.map_err(|_| refused)?;
        let client_id = refreshed.client_id.as_deref();
        let scope = match client_id {
            Some(client_id) => self.allowed_now(client_id, &refreshed.scope).await?,
            None => refreshed.scope.clone(),
        };
        self.issue(&user, client_id, &scope, refreshed.token).await
    }

    /// Creates a code for an application to act for the user, who has just signed in. The request
    /// must have been compared with the registration of the application.
    pub async fn authorize(
        &self,
        user: &User,
        authorization: Authorization,
    ) -> Result<String, Error> {
        let now_ms = self.session_time(user);
        let id = chassis::id::new("cod");
        let (code, token) = Code::new(id, &user.id, authorization, self.random()?, now_ms);
        let Authorization { client_id, scope, .. } = &code.agreement.authorization;
        let consent = |grants: &mut Grants| {
            grants.consent(client_id, scope, now_ms);
            grants.add_code(code.clone(), now_ms);
        };
        self.update_grants(&user.id, Error::WrongCredentials, consent).await?;
        self.still_signed_in(user).await?;
        Ok(token.to_string())
    }

    /// Exchanges a code for tokens, once.
    pub async fn redeem(&self, code: &str, redemption: Redemption<'_>) -> Result<Tokens, Error> {
        let token = CodeToken::parse(code).ok_or(Error::InvalidGrant(BAD_CODE))?;
        let user = self.owner(&token.user_id, BAD_CODE).await?;
        let (now_ms, random) = (self.session_time(&user), self.random()?);
        let family_id = chassis::id::new("ses");
        let start = |agreement: &Agreement| {
            let Authorization { client_id, scope, .. } = agreement.authorization.clone();
            Family::start(family_id.clone(), &user.id, Some(client_id), scope, &random, now_ms)
        };
        let redeem =
            |grants: &mut Grants| grants.redeem(&token, &redemption, start, &family_id, now_ms);
        let refused = Error::InvalidGrant(BAD_CODE);
        let redeemed = self.update_grants(&user.id, refused.clone(), redeem).await?;
        let (agreement, refresh) = redeemed.map_err(|_| refused.clone())?;
        if agreement.authenticated_at_ms < user.sessions_from_ms {
            let end = |grants: &mut Grants| grants.end(&family_id);
            self.update_grants(&user.id, refused.clone(), end).await?;
            return Err(refused);
        }
        let Authorization { client_id, scope, .. } = &agreement.authorization;
        let mut tokens = self.issue(&user, Some(client_id), scope, refresh).await?;
        if has_scope(scope, "openid") {
            tokens.id_token = Some(self.id_token(&user, &agreement).await?);
        }
        Ok(tokens)
    }

    /// The user of a token or code. The error does not reveal whether they exist.
    async fn owner(&self, user_id: &str, refusal: &'static str) -> Result<User, Error> {
        self.user(user_id).await.map_err(without_account(Error::InvalidGrant(refusal)))
    }

    /// The start of a session that is opened now. It is never before the password was set.
    fn session_time(&self, user: &User) -> u64 {
        self.now_ms().max(user.sessions_from_ms)
    }

    /// Whether `user`, who has just signed in, may have a session. In the meantime the password may
    /// have been changed, or all sessions may have been ended.
    async fn still_signed_in(&self, user: &User) -> Result<(), Error> {
        let there = self.user(&user.id).await;
        let there = there.map_err(without_account(Error::WrongCredentials))?;
        if there.sessions_from_ms <= user.sessions_from_ms {
            return Ok(());
        }
        if there.password_hash != user.password_hash {
            return Err(Error::WrongCredentials);
        }
        // The password is right, so signing in again opens a session.
        Err(StoreError::Contended(user_key(&user.id)).into())
    }

    /// The granted scopes that the application may still use. It must still be registered, and may
    /// have fewer scopes than before.
    async fn allowed_now(&self, client_id: &str, scope: &str) -> Result<String, Error> {
        let clients = self.settings().await?.clients;
        let client = clients.iter().find(|known| known.id == client_id);
        client.map(|client| client.scopes_of(scope)).ok_or(Error::InvalidGrant(BAD_REFRESH_TOKEN))
    }

    /// Tokens for a client; `None` is the shop itself.
    async fn issue(
        &self,
        user: &User,
        client_id: Option<&str>,
        scope: &str,
        refresh_token: RefreshToken,
    ) -> Result<Tokens, Error> {
        let issuer = self.settings().await?.issuer;
        let (jti, now_ms) = (chassis::id::new("tok"), self.now_ms());
        let claims = AccessClaims::new(&issuer, user, client_id, scope, &jti, now_ms);
        let access_token = sign_access(&self.signer().await?, &claims).ok_or_else(unsignable)?;
        Ok(Tokens {
            access_token,
            token_type: "Bearer",
            expires_in: ACCESS_LIFETIME_S,
            refresh_token: refresh_token.to_string(),
            scope: scope.to_owned(),
            id_token: None,
        })
    }

    async fn id_token(&self, user: &User, agreement: &Agreement) -> Result<String, Error> {
        let issuer = self.settings().await?.issuer;
        let iat = self.now_ms() / 1000;
        let Authorization { client_id, scope, nonce, .. } = &agreement.authorization;
        let profile = has_scope(scope, "profile");
        let claims = IdClaims {
            iss: &issuer,
            aud: client_id,
            sub: &user.id,
            exp: iat + ID_LIFETIME_S,
            iat,
            auth_time: agreement.authenticated_at_ms / 1000,
            nonce: nonce.as_deref(),
            name: profile.then_some(user.name.as_str()),
            locale: profile.then_some(user.language.as_str()),
            email: has_scope(scope, "email").then(|| user.email.as_str()),
        };
        sign_id(&self.signer().await?, &claims).ok_or_else(unsignable)
    }
}

/// The error for unknown and deleted accounts.
fn without_account(answer: Error) -> impl FnOnce(Error) -> Error {
    move |error| if error == Error::NoSuchUser { answer } else { error }
}

fn unsignable() -> Error {
    Error::Misconfigured("the claims can't be signed".to_owned())
}
