//! Requests to one registry, with the authorization that it asks for.

use super::authorization::{self, Challenge, Scope};
use super::{Credentials, Error};
use crate::capabilities::outbound_http::{Answer, Client};
use crate::message::full_body;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};
use parking_lot::Mutex;
use url::Url;

/// What requests to a registry need.
pub(super) struct Session<'a> {
    client: &'a Client,
    /// A URL of the registry. Others do not get the authorization.
    base: Url,
    /// What tokens are asked for.
    scope: Scope,
    credentials: Option<Credentials>,
    /// What the registry accepted before.
    authorization: Mutex<Option<HeaderValue>>,
}

/// A request, which can be sent again.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) fields: HeaderMap,
    pub(super) body: Bytes,
    /// Maximum size of the body of the answer.
    pub(super) bytes_max: usize,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        client: &'a Client,
        base: Url,
        scope: Scope,
        credentials: Option<Credentials>,
    ) -> Self {
        Self { client, base, scope, credentials, authorization: Mutex::default() }
    }

    /// A URL of the registry.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request. An answer that is no success is an error.
    pub(super) async fn send(&self, asked: Asked<'_>) -> Result<Answer, Error> {
        let mut refused = false;
        loop {
            let answer = self.once(&asked).await.map_err(Error::Unavailable)?;
            let status = answer.status();
            // Only a request without a body leads elsewhere: what is asked for exists there.
            let is_elsewhere = asked.method == Method::HEAD && status.is_redirection();
            if status.is_success() || is_elsewhere {
                return Ok(answer);
            }
            let challenge = match status {
                StatusCode::UNAUTHORIZED if !refused && self.is_own(asked.url) => {
                    Challenge::of(answer.headers())
                }
                _ => None,
            };
            let authorization = match challenge {
                Some(challenge) => self.authorize(challenge).await?,
                None => None,
            };
            if authorization.is_none() {
                return Err(Error::of(status, answer.body()));
            }
            *self.authorization.lock() = authorization;
            refused = true;
        }
    }

    /// Whether a URL is one of the registry. Only the registry gets the authorization, and only it
    /// says where the credentials are sent.
    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    async fn once(&self, asked: &Asked<'_>) -> anyhow::Result<Answer> {
        let mut fields = asked.fields.clone();
        if self.is_own(asked.url) {
            fields.extend(self.authorization.lock().clone().map(|value| (AUTHORIZATION, value)));
        }
        if asked.method == Method::GET {
            return self.client.get(asked.url, &fields, asked.bytes_max).await;
        }
        let request = Request::builder().method(&asked.method).uri(asked.url.as_str());
        let mut request = request.body(full_body(asked.body.clone()))?;
        request.headers_mut().extend(fields);
        self.client.exchange(request, asked.bytes_max).await
    }

    /// What the registry asks for; none without credentials for it.
    async fn authorize(&self, challenge: Challenge) -> Result<Option<HeaderValue>, Error> {
        match challenge {
            Challenge::Basic => Ok(self.credentials.as_ref().and_then(Credentials::basic)),
            Challenge::Bearer(realm) => {
                if self.base.scheme() == "https" && realm.url.scheme() != "https" {
                    return Err(Error::invalid("it wants credentials sent without encryption"));
                }
                let credentials = self.credentials.as_ref();
                authorization::token(self.client, &realm, &self.scope, credentials).await.map(Some)
            }
        }
    }
}
