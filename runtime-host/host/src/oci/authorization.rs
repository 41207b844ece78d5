//! What a registry asks for before it answers: credentials, or a token for which they are given.

use super::{Credentials, Error};
use crate::capabilities::outbound_http::{Answer, Client};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http_auth::{ChallengeParser, ChallengeRef};
use serde::Deserialize;
use url::Url;

/// Maximum size of the answer with a token.
const TOKEN_MAX_BYTES: usize = 256 * 1024;

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token.
    Bearer(Realm),
}

/// Where tokens are given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Realm {
    pub(super) url: Url,
    service: Option<String>,
}

/// What a token is for.
#[derive(Debug)]
pub(super) enum Scope {
    /// To prove that the credentials are right.
    Login,
    /// To read a repository.
    Pull(String),
    /// To write to a repository.
    Push(String),
}

impl Scope {
    fn text(&self) -> Option<String> {
        match self {
            Self::Login => None,
            Self::Pull(repository) => Some(format!("repository:{repository}:pull")),
            Self::Push(repository) => Some(format!("repository:{repository}:pull,push")),
        }
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// The challenge of a response: a token, if the registry gives them.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let fields = headers.get_all(WWW_AUTHENTICATE).iter();
        let fields: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
        let all: Vec<_> =
            fields.iter().flat_map(|field| ChallengeParser::new(field)).flatten().collect();
        let bearer = all.iter().find_map(Realm::of).map(Self::Bearer);
        let is_basic =
            |challenge: &ChallengeRef<'_>| challenge.scheme.eq_ignore_ascii_case("Basic");
        bearer.or_else(|| all.iter().any(is_basic).then_some(Self::Basic))
    }
}

impl Realm {
    fn of(challenge: &ChallengeRef<'_>) -> Option<Self> {
        if !challenge.scheme.eq_ignore_ascii_case("Bearer") {
            return None;
        }
        let parameter = |wanted: &str| {
            let found = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        let url = Url::parse(&parameter("realm")?).ok()?;
        Some(Self { url, service: parameter("service") })
    }
}

/// A token. Credentials that are refused may not be needed to read.
pub(super) async fn token(
    client: &Client,
    realm: &Realm,
    scope: &Scope,
    credentials: Option<&Credentials>,
) -> Result<HeaderValue, Error> {
    let mut url = realm.url.clone();
    url.query_pairs_mut()
        .extend_pairs(realm.service.iter().map(|service| ("service", service)))
        .extend_pairs(scope.text().iter().map(|scope| ("scope", scope)));
    let mut answer = ask(client, &url, credentials.and_then(Credentials::basic)).await?;
    let may_be_public = matches!(scope, Scope::Pull(_)) && credentials.is_some();
    if !answer.status().is_success() && may_be_public {
        let anonymous = ask(client, &url, None).await?;
        if anonymous.status().is_success() {
            answer = anonymous;
        }
    }
    if !answer.status().is_success() {
        return Err(Error::of(answer.status(), answer.body()));
    }
    let token: Option<Token> = serde_json::from_slice(answer.body()).ok();
    let token = token.and_then(|token| token.token.or(token.access_token));
    let field = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    // The message must not quote the answer, which may have the token.
    let mut field = field.ok_or_else(|| Error::invalid("the registry gives no valid token"))?;
    field.set_sensitive(true);
    Ok(field)
}

async fn ask(
    client: &Client,
    url: &Url,
    authorization: Option<HeaderValue>,
) -> Result<Answer, Error> {
    let fields = authorization.map(|value| (AUTHORIZATION, value)).into_iter().collect();
    client.get(url, &fields, TOKEN_MAX_BYTES).await.map_err(Error::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(fields: &[&'static str]) -> Option<Challenge> {
        let fields = fields.iter().map(|text| (WWW_AUTHENTICATE, HeaderValue::from_static(text)));
        Challenge::of(&fields.collect())
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let bearer = "Bearer realm=\"https://a.example/token\",service=\"a, b\",scope=\"x\"";
        let expected = Challenge::Bearer(Realm {
            url: Url::parse("https://a.example/token").unwrap(),
            service: Some("a, b".to_owned()),
        });
        for fields in [&[bearer][..], &["Basic realm=\"a\"", bearer]] {
            assert_eq!(challenge(fields).as_ref(), Some(&expected));
        }
        assert_eq!(challenge(&["Basic realm=\"a\""]), Some(Challenge::Basic));
        assert_eq!(challenge(&["Negotiate"]), None);
        assert_eq!(challenge(&["Bearer realm=\"no URL\""]), None);
        assert_eq!(challenge(&[]), None);
    }
}
