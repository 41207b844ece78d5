//! The claims of tokens.
//!
//! Access tokens follow RFC 9068 (`typ: at+jwt`), ID tokens OpenID Connect Core. Both are
//! signed with EdDSA. Their types and audiences differ, so that one is never accepted as the other.

use super::client::FIRST_PARTY;
use super::key::Signer;
use super::secret::base64url;
use super::user::User;
use chassis::auth::clients_audience;
use serde::Serialize;

/// How long an access token is valid. It can't be revoked, so the time is short.
pub const ACCESS_LIFETIME_S: u64 = 900;
/// How long an ID token is valid.
pub const ID_LIFETIME_S: u64 = 300;
/// The audience of access tokens for the shop's own pages: every function of the shop.
pub const AUDIENCE: &str = "shop";

/// Claims of an access token. Times in seconds since the Unix epoch.
#[derive(Debug, Serialize)]
pub struct AccessClaims<'a> {
    pub iss: &'a str,
    pub aud: String,
    pub sub: &'a str,
    pub exp: u64,
    pub iat: u64,
    pub jti: &'a str,
    pub client_id: &'a str,
    pub scope: &'a str,
    /// Empty for third-party applications: they do not get the user's roles.
    pub roles: &'a [String],
}

impl<'a> AccessClaims<'a> {
    /// The claims about this user, valid for [`ACCESS_LIFETIME_S`]. Without a client they are for
    /// the shop's own pages; with a client, they are for that client and limited by its scopes.
    pub fn new(
        issuer: &'a str,
        user: &'a User,
        client_id: Option<&'a str>,
        scope: &'a str,
        jti: &'a str,
        now_ms: u64,
    ) -> Self {
        let iat = now_ms / 1000;
        let exp = iat + ACCESS_LIFETIME_S;
        let (aud, roles) = match client_id {
            None => (AUDIENCE.to_owned(), user.roles.as_slice()),
            Some(_) => (clients_audience(AUDIENCE), [].as_slice()),
        };
        let client_id = client_id.unwrap_or(FIRST_PARTY);
        Self { iss: issuer, aud, sub: &user.id, exp, iat, jti, client_id, scope, roles }
    }
}

/// Claims of an ID token (OpenID Connect Core section 2). Times in seconds.
#[derive(Debug, Serialize)]
pub struct IdClaims<'a> {
    pub iss: &'a str,
    /// The client.
    pub aud: &'a str,
    pub sub: &'a str,
    pub exp: u64,
    pub iat: u64,
    /// When the password was verified.
    pub auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// With scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<&'a str>,
    /// With scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

/// The compact form of an access token.
pub fn sign_access(signer: &Signer, claims: &AccessClaims<'_>) -> Option<String> {
    sign(signer, "at+jwt", claims)
}

/// The compact form of an ID token.
pub fn sign_id(signer: &Signer, claims: &IdClaims<'_>) -> Option<String> {
    sign(signer, "JWT", claims)
}

fn sign(signer: &Signer, typ: &'static str, claims: &impl Serialize) -> Option<String> {
    let header = serde_json::to_vec(&Header { alg: "EdDSA", typ, kid: &signer.kid }).ok()?;
    let claims = serde_json::to_vec(claims).ok()?;
    let message = format!("{}.{}", base64url(&header), base64url(&claims));
    let signature = base64url(&signer.sign(message.as_bytes()));
    Some(format!("{message}.{signature}"))
}
