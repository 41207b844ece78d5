//! Sessions: opening, refreshing, and grants to third-party applications.

use super::{Error, Identity, grants_key, user_key};
use crate::domain::client::has_scope;
use crate::domain::code::{Agreement, Code, CodeToken, Redemption};
use crate::domain::grants::Grants;
use crate::domain::refresh::{Family, RefreshToken};
use crate::domain::token::{
    ACCESS_LIFETIME_S, AccessClaims, ID_LIFETIME_S, IdClaims, sign_access, sign_id,
};
use crate::domain::user::User;
use crate::ports::Environment;
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

/// What an application asks for on behalf of a person, already checked against its
/// registration.
#[derive(Clone, Debug)]
pub struct Authorization {
    pub client_id: String,
    pub redirect_uri: String,
    pub code_challenge: String,
    pub scope: String,
    pub nonce: Option<String>,
}

/// What a session was granted for.
struct Grant<'a> {
    /// `None` for the shop's own pages.
    client_id: Option<&'a str>,
    scope: &'a str,
}

impl<S: Store, E: Environment> Identity<S, E> {
    /// Opens a session of the shop's own pages.
    pub async fn open_session(&self, user: &User) -> Result<Tokens, Error> {
        let (now_ms, random) = (self.session_time(user), self.random()?);
        let id = chassis::id::new("ses");
        let (family, token) = Family::start(id, &user.id, None, String::new(), &random, now_ms);
        self.update_grants(&user.id, |grants| grants.open(family.clone(), now_ms))
            .await
            .map_err(without_account(Error::WrongCredentials))?;
        self.still_signed_in(user).await?;
        self.issue(user, Grant { client_id: None, scope: "" }, token).await
    }

    /// Trades a refresh token for fresh tokens.
    pub async fn refresh(&self, token: &str, client_id: Option<&str>) -> Result<Tokens, Error> {
        let token = RefreshToken::parse(token).ok_or(Error::InvalidGrant(BAD_REFRESH_TOKEN))?;
        let user = self.owner(&token.user_id, BAD_REFRESH_TOKEN).await?;
        let now_ms = self.environment.now_ms();
        let since_ms = user.sessions_from_ms;
        // A refusal may have revoked the family: it is stored like a success.
        let refreshed = self
            .update_grants(&user.id, |grants| grants.refresh(&token, client_id, since_ms, now_ms))
            .await
            .map_err(without_account(Error::InvalidGrant(BAD_REFRESH_TOKEN)))?
            .map_err(|_| Error::InvalidGrant(BAD_REFRESH_TOKEN))?;
        let client_id = refreshed.client_id.as_deref();
        let scope = match client_id {
            Some(client_id) => self.allowed_now(client_id, &refreshed.scope).await?,
            None => refreshed.scope.clone(),
        };
        self.issue(&user, Grant { client_id, scope: &scope }, refreshed.token).await
    }

    /// Makes a code that lets the application act for the user who has just signed in.
    pub async fn authorize(
        &self,
        user: &User,
        authorization: Authorization,
    ) -> Result<String, Error> {
        let now_ms = self.session_time(user);
        let agreement = Agreement {
            client_id: authorization.client_id,
            redirect_uri: authorization.redirect_uri,
            code_challenge: authorization.code_challenge,
            scope: authorization.scope,
            nonce: authorization.nonce,
            authenticated_at_ms: now_ms,
        };
        let id = chassis::id::new("cod");
        let (code, token) = Code::new(id, &user.id, agreement, self.random()?, now_ms);
        self.update_grants(&user.id, |grants| {
            grants.consent(&code.agreement.client_id, &code.agreement.scope, now_ms);
            grants.remember(code.clone(), now_ms);
        })
        .await
        .map_err(without_account(Error::WrongCredentials))?;
        self.still_signed_in(user).await?;
        Ok(token.to_string())
    }

    /// Trades a code for tokens, once.
    pub async fn redeem(&self, code: &str, redemption: Redemption<'_>) -> Result<Tokens, Error> {
        let token = CodeToken::parse(code).ok_or(Error::InvalidGrant(BAD_CODE))?;
        let user = self.owner(&token.user_id, BAD_CODE).await?;
        let (now_ms, random) = (self.session_time(&user), self.random()?);
        let family_id = chassis::id::new("ses");
        let start = |agreement: &Agreement| {
            let (client_id, scope) = (agreement.client_id.clone(), agreement.scope.clone());
            Family::start(family_id.clone(), &user.id, Some(client_id), scope, &random, now_ms)
        };
        let (agreement, refresh) = self
            .update_grants(&user.id, |grants| {
                grants.redeem(&token, &redemption, start, &family_id, now_ms)
            })
            .await
            .map_err(without_account(Error::InvalidGrant(BAD_CODE)))?
            .map_err(|_| Error::InvalidGrant(BAD_CODE))?;
        if agreement.authenticated_at_ms < user.sessions_from_ms {
            self.update_grants(&user.id, |grants| grants.end(&family_id))
                .await
                .map_err(without_account(Error::InvalidGrant(BAD_CODE)))?;
            return Err(Error::InvalidGrant(BAD_CODE));
        }
        let client_id = Some(agreement.client_id.as_str());
        let grant = Grant { client_id, scope: &agreement.scope };
        let mut tokens = self.issue(&user, grant, refresh).await?;
        if has_scope(&agreement.scope, "openid") {
            tokens.id_token = Some(self.id_token(&user, &agreement).await?);
        }
        Ok(tokens)
    }

    /// The user whom a token or code names; whether they exist is nobody's business.
    async fn owner(&self, user_id: &str, refusal: &'static str) -> Result<User, Error> {
        self.user(user_id).await.map_err(without_account(Error::InvalidGrant(refusal)))
    }

    /// The start of a session that is opened now. It is never before the password was set.
    fn session_time(&self, user: &User) -> u64 {
        self.environment.now_ms().max(user.sessions_from_ms)
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

    /// Changes a user's grants. They exist as long as the account and are not created again after
    /// its deletion.
    pub(super) async fn update_grants<R: Send>(
        &self,
        user_id: &str,
        mut change: impl FnMut(&mut Grants) -> R + Send,
    ) -> Result<R, Error> {
        let change = |grants: Option<Grants>| {
            let mut grants = grants.ok_or(Error::NoSuchUser)?;
            let result = change(&mut grants);
            Ok::<_, Error>((grants, result))
        };
        self.store.update(&grants_key(user_id), change).await
    }

    async fn issue(
        &self,
        user: &User,
        grant: Grant<'_>,
        refresh_token: RefreshToken,
    ) -> Result<Tokens, Error> {
        let issuer = self.settings().await?.issuer;
        let (jti, now_ms) = (chassis::id::new("tok"), self.environment.now_ms());
        let claims = AccessClaims::new(&issuer, user, grant.client_id, grant.scope, &jti, now_ms);
        let access_token = sign_access(&self.signer().await?, &claims).ok_or_else(unsignable)?;
        Ok(Tokens {
            access_token,
            token_type: "Bearer",
            expires_in: ACCESS_LIFETIME_S,
            refresh_token: refresh_token.to_string(),
            scope: grant.scope.to_owned(),
            id_token: None,
        })
    }

    async fn id_token(&self, user: &User, agreement: &Agreement) -> Result<String, Error> {
        let issuer = self.settings().await?.issuer;
        let iat = self.environment.now_ms() / 1000;
        let profile = has_scope(&agreement.scope, "profile");
        let claims = IdClaims {
            iss: &issuer,
            aud: &agreement.client_id,
            sub: &user.id,
            exp: iat + ID_LIFETIME_S,
            iat,
            auth_time: agreement.authenticated_at_ms / 1000,
            nonce: agreement.nonce.as_deref(),
            name: profile.then_some(user.name.as_str()),
            locale: profile.then_some(user.language.as_str()),
            email: has_scope(&agreement.scope, "email").then(|| user.email.as_str()),
        };
        sign_id(&self.signer().await?, &claims).ok_or_else(unsignable)
    }
}

/// The error for unknown and deleted accounts.
fn without_account(answer: Error) -> impl FnOnce(Error) -> Error {
    move |error| if error == Error::NoSuchUser { answer } else { error }
}

fn unsignable() -> Error {
    Error::Misconfigured("claims that are no JSON".to_owned())
}
