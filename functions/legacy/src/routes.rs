//! The old API, in its own style: `X-Session`, amounts as texts, and errors as `{"error", "message"}`.
//!
//! `/legacy/api` is for clients. `/internal` is for other components of the application: the trigger
//! is private, and the facade forwards only `/legacy/api`.

mod answer;
mod body;
mod internal;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::domain::{ARTICLES, Message, Order};
use crate::ports::Ports;
use crate::service::{Account, Legacy, Refusal};
use answer::{Answer, Error};
use body::{Body, Credentials, Profile};

/// The session of a client.
pub const SESSION: &str = "x-session";
/// The key of the support's tools.
pub const SUPPORT_KEY: &str = "x-support-key";

/// The state of the routes.
#[derive(Clone)]
pub struct Api<P> {
    /// The use cases.
    pub legacy: Legacy<P>,
    /// What `X-Support-Key` must be; empty for no access.
    pub support_key: String,
}

/// All routes.
pub fn router<P: Ports>(api: Api<P>) -> Router {
    Router::new()
        .route("/legacy/api/articles", get(articles))
        .route("/legacy/api/users", post(Api::<P>::register))
        .route("/legacy/api/users/me", get(Api::<P>::account).put(Api::<P>::change_account))
        .route("/legacy/api/sessions", post(Api::<P>::sign_in).delete(Api::<P>::sign_out))
        .route("/legacy/api/orders", get(Api::<P>::orders).post(Api::<P>::place))
        .route("/legacy/api/orders/{number}", get(Api::<P>::order))
        .route("/legacy/api/notifications", get(Api::<P>::messages))
        .route("/legacy/api/support/orders/{number}", put(Api::<P>::correct))
        .merge(internal::routes::<P>())
        .with_state(api)
}

async fn articles() -> Json<Value> {
    Json(json!({ "articles": ARTICLES }))
}

impl<P: Ports> Api<P> {
    async fn customer(&self, headers: &HeaderMap) -> Result<u64, Error> {
        Ok(self.legacy.customer(text(headers, SESSION)).await?)
    }

    async fn register(
        State(api): State<Self>,
        Body(new): Body<body::Registration>,
    ) -> Answer<(StatusCode, Json<Value>)> {
        let (id, session) = api.legacy.register_user(new.read()?).await?;
        Ok((StatusCode::CREATED, Json(json!({"id": id, "session": session}))))
    }

    async fn sign_in(
        State(api): State<Self>,
        Body(credentials): Body<Credentials>,
    ) -> Answer<Json<Value>> {
        let Credentials { email, password } = credentials;
        let session = api.legacy.sign_in(&email.to_ascii_lowercase(), &password).await?;
        Ok(Json(json!({ "session": session })))
    }

    async fn sign_out(State(api): State<Self>, headers: HeaderMap) -> Answer<StatusCode> {
        api.legacy.sign_out(text(&headers, SESSION)).await?;
        Ok(StatusCode::NO_CONTENT)
    }

    async fn account(State(api): State<Self>, headers: HeaderMap) -> Answer<Json<Account>> {
        let customer = api.customer(&headers).await?;
        Ok(Json(api.legacy.account(customer).await?))
    }

    async fn change_account(
        State(api): State<Self>,
        headers: HeaderMap,
        Body(profile): Body<Profile>,
    ) -> Answer<Json<Account>> {
        let customer = api.customer(&headers).await?;
        let (name, language) = profile.read()?;
        Ok(Json(api.legacy.change_account(customer, &name, &language).await?))
    }

    async fn place(
        State(api): State<Self>,
        headers: HeaderMap,
        Body(new): Body<body::NewOrder>,
    ) -> Answer<(StatusCode, Json<Order>)> {
        let customer = api.customer(&headers).await?;
        let order = api.legacy.place(customer, &new.read()?).await?;
        Ok((StatusCode::CREATED, Json(order)))
    }

    async fn orders(State(api): State<Self>, headers: HeaderMap) -> Answer<Json<Value>> {
        let customer = api.customer(&headers).await?;
        Ok(Json(json!({ "orders": api.legacy.orders(customer).await? })))
    }

    async fn order(
        State(api): State<Self>,
        headers: HeaderMap,
        Path(number): Path<String>,
    ) -> Answer<Json<Order>> {
        let customer = api.customer(&headers).await?;
        Ok(Json(api.legacy.order(customer, &number).await?))
    }

    async fn messages(State(api): State<Self>, headers: HeaderMap) -> Answer<Json<Value>> {
        let customer = api.customer(&headers).await?;
        let messages = api.legacy.messages(customer).await?;
        let shown = |message: Message| json!({"kind": message.kind, "order": message.order, "sent": message.sent});
        let shown: Vec<_> = messages.into_iter().map(shown).collect();
        Ok(Json(json!({ "notifications": shown })))
    }

    async fn correct(
        State(api): State<Self>,
        headers: HeaderMap,
        Path(number): Path<String>,
        Body(correction): Body<body::Correction>,
    ) -> Answer<Json<Order>> {
        use subtle::ConstantTimeEq;
        let key = text(&headers, SUPPORT_KEY).as_bytes();
        let is_right = bool::from(key.ct_eq(api.support_key.as_bytes()));
        if api.support_key.is_empty() || !is_right {
            return Err(Refusal::Unauthorized.into());
        }
        Ok(Json(api.legacy.correct(&number, &correction.read()?).await?))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
