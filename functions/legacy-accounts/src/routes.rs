//! `POST /tokens`, for the facade. The trigger is private, and the caller needs a key: a token is
//! what the other functions trust.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chassis::form::JsonBody;
use chassis::{Clock, Problem, Result};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::domain::Subject;
use crate::ports::{Directory, Unavailable};
use crate::service::Accounts;

/// The longest session, in characters.
const SESSION_CHARS_MAX: usize = 100;

/// The state of the routes.
#[derive(Clone)]
pub struct Api<D, C> {
    /// The use cases.
    pub accounts: Accounts<D>,
    /// The clock.
    pub clock: C,
    /// The bearer token of callers; empty for no access.
    pub key: String,
}

/// All routes.
pub fn router<D: Directory, C: Clock>(api: Api<D, C>) -> Router {
    Router::new().route("/tokens", post(issue::<D, C>)).with_state(api)
}

/// `{"session": "…"}` for a customer, `{}` for the caller itself.
async fn issue<D: Directory, C: Clock>(
    State(api): State<Api<D, C>>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Json<Value>> {
    authenticate(&api.key, &headers)?;
    let mut fields = body.fields();
    let session = fields.optional_string("session", 1..=SESSION_CHARS_MAX);
    fields.finish()?;
    let now_s = api.clock.now_ms() / 1_000;
    let issued = match session {
        None => Some(api.accounts.issue(Subject::Carrier, now_s)),
        Some(session) => api.accounts.exchange(&session, now_s).await.map_err(unavailable)?,
    };
    let issued = issued.ok_or_else(|| Problem::not_found("There is no such session."))?;
    Ok(Json(json!({"access_token": issued.access_token, "expires_in": issued.expires_in})))
}

fn authenticate(key: &str, headers: &HeaderMap) -> Result<()> {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    match !key.is_empty() && bool::from(sent.as_bytes().ct_eq(key.as_bytes())) {
        true => Ok(()),
        false => Err(Problem::unauthorized("Send the key of the exchange as a bearer token.")),
    }
}

fn unavailable(error: Unavailable) -> Problem {
    eprintln!("{error}");
    Problem::unavailable("Accounts can't be read now.", 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::result::Result;

    use chassis::auth::{ProofMemo, verify};
    use chassis::testing::{Client, ManualClock};

    use super::*;
    use crate::domain::Issuer;
    use crate::ports::Account;

    const NOW_MS: u64 = 1_769_860_800_000;

    /// Customer 1001 with the session `1001-a`.
    #[derive(Clone)]
    struct One;

    impl Directory for One {
        async fn of_session(&self, session: &str) -> Result<Option<Account>, Unavailable> {
            match session {
                "down" => Err(Unavailable("it is down".to_owned())),
                session => self.account(if session == "1001-a" { 1001 } else { 0 }).await,
            }
        }

        async fn account(&self, id: u64) -> Result<Option<Account>, Unavailable> {
            let (email, name) = ("ada@example.org".to_owned(), "Ada".to_owned());
            Ok((id == 1001).then(|| Account { id, email, name, language: "en".to_owned() }))
        }
    }

    fn issuer() -> Issuer {
        Issuer::new("http://shop.test", "secret")
    }

    fn client(key: &str) -> Client {
        let accounts = Accounts::new(One, issuer());
        let (clock, key) = (ManualClock::new(NOW_MS), key.to_owned());
        Client::new(router(Api { accounts, clock, key }))
    }

    async fn subject(body: Value) -> (String, bool) {
        let issued = client("key").with_token("key").post("/tokens", &body).await.expect(200);
        assert_eq!(issued["expires_in"], 840);
        let token = issued["access_token"].as_str().unwrap();
        let caller = verify(token, &issuer().key_set(), NOW_MS / 1_000, &ProofMemo::new()).unwrap();
        (caller.user_id.clone(), caller.is_admin())
    }

    #[tokio::test]
    async fn a_session_is_exchanged_for_a_token() {
        let ada = ("usr_00000000-0000-7000-8000-0000000003e9".to_owned(), false);
        assert_eq!(subject(json!({"session": "1001-a"})).await, ada);
        assert!(subject(json!({})).await.1);
        let facade = client("key").with_token("key");
        facade
            .post("/tokens", &json!({"session": "1001-b"}))
            .await
            .expect_problem(404, "not-found");
        facade.post("/tokens", &json!({"session": "down"})).await.expect(503);
        facade.post("/tokens", &json!({"session": ""})).await.expect(422);
    }

    #[tokio::test]
    async fn only_the_facade_gets_tokens() {
        client("key").post("/tokens", &json!({})).await.expect(401);
        client("key").with_token("kez").post("/tokens", &json!({})).await.expect(401);
        client("").with_token("").post("/tokens", &json!({})).await.expect(401);
    }

    #[tokio::test]
    async fn only_customers_of_the_older_shop_are_users() {
        let accounts = Accounts::new(One, issuer());
        let ada = accounts.user("usr_00000000-0000-7000-8000-0000000003e9").await.unwrap();
        assert_eq!(ada.unwrap().email, "ada@example.org");
        for id in ["usr_00000000-0000-7000-8000-000000000001", "usr_x", "1001"] {
            assert_eq!(accounts.user(id).await, Ok(None), "{id}");
        }
    }
}
