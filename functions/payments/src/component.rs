//! Payments on a host: store, variables, HTTP client, contract.

use axum::response::IntoResponse as _;
use bindings::exports::shop::payments::payments as contract;
use chassis::Problem;
use chassis::clock::now_ms;
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{Decline, Payment, Status};
use crate::provider::Psp;
use crate::routes::{self, Api};
use crate::service::{Payments, Refusal};

contracts::function!("payments");

/// The provider of development.
const PSP_URL_DEFAULT: &str = "http://psp-sandbox.spin.internal";

struct Component;

type Service = Payments<SpinStore, Psp<SpinOutbound>>;

/// What keeps the service from being set up.
enum Unready {
    Config(ConfigError),
    Store(StoreError),
}

impl From<ConfigError> for Unready {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StoreError> for Unready {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Unready> for contract::Error {
    fn from(error: Unready) -> Self {
        Self::Unavailable(match error {
            Unready::Config(error) => error.to_string(),
            Unready::Store(error) => error.to_string(),
        })
    }
}

impl From<Unready> for Problem {
    fn from(error: Unready) -> Self {
        match error {
            Unready::Config(error) => error.into(),
            Unready::Store(error) => error.into(),
        }
    }
}

async fn service() -> Result<Service, Unready> {
    let url = optional("psp_url").await?.filter(|url| !url.is_empty());
    let api_key = variable("psp_api_key").await?;
    let provider = Psp::new(SpinOutbound, url.as_deref().unwrap_or(PSP_URL_DEFAULT), &api_key);
    Ok(Payments::new(SpinStore::open("payments")?, provider, now_ms))
}

async fn api() -> Result<Api<SpinStore, Psp<SpinOutbound>, bindings::IdentityKeys>, Unready> {
    Ok(Api {
        payments: service().await?,
        keys: bindings::IdentityKeys,
        webhook_secret: variable("psp_webhook_secret").await?,
    })
}

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let rpc = chassis::rpc::router(bindings::dispatch);
    // A call of the contract sets itself up; only the public routes need the rest.
    let router = match request.uri().path().starts_with("/rpc/") {
        true => rpc,
        false => match api().await {
            Ok(api) => routes::router(api),
            Err(error) => return Problem::from(error).into_response(),
        },
    };
    chassis::app::serve(chassis::app::router_with_problems(router), request).await
}

impl contract::Guest for Component {
    async fn authorize(
        id: String,
        order_id: String,
        amount: contract::Money,
        method: String,
    ) -> Result<contract::Payment, contract::Error> {
        let amount = chassis::money::Money::new(amount.amount, amount.currency);
        answer(service().await?.authorize(&id, &order_id, amount, &method).await)
    }

    async fn capture(id: String) -> Result<contract::Payment, contract::Error> {
        answer(service().await?.capture(&id).await)
    }

    async fn cancel(id: String, order_id: String) -> Result<contract::Payment, contract::Error> {
        answer(service().await?.cancel(&id, &order_id).await)
    }

    async fn get(id: String) -> Result<contract::Payment, contract::Error> {
        answer(service().await?.get(&id).await)
    }
}

fn answer(result: Result<Payment, Refusal>) -> Result<contract::Payment, contract::Error> {
    match result {
        Ok(payment) => {
            let amount = payment.amount();
            Ok(contract::Payment {
                status: status(payment.status()),
                amount: contract::Money { amount: amount.amount, currency: amount.currency },
                id: payment.id,
                order_id: payment.order_id,
            })
        }
        Err(refusal) => Err(match refusal {
            Refusal::Declined(reason) => contract::Error::Declined(decline(reason)),
            Refusal::UnknownOutcome(reason) => contract::Error::UnknownOutcome(reason),
            Refusal::NotFound => contract::Error::NotFound("no such payment".to_owned()),
            Refusal::Conflict(state) => contract::Error::Conflict(status(state)),
            Refusal::Invalid(reason) => contract::Error::Invalid(reason),
            Refusal::Unavailable(reason) => contract::Error::Unavailable(reason),
        }),
    }
}

fn status(status: Status) -> contract::Status {
    match status {
        Status::Authorized => contract::Status::Authorized,
        Status::Captured => contract::Status::Captured,
        Status::Voided => contract::Status::Voided,
        Status::Refunded => contract::Status::Refunded,
        Status::Declined => contract::Status::Declined,
        Status::Unknown => contract::Status::Unknown,
    }
}

fn decline(reason: Decline) -> contract::DeclineReason {
    match reason {
        Decline::Card => contract::DeclineReason::CardDeclined,
        Decline::InsufficientFunds => contract::DeclineReason::InsufficientFunds,
        Decline::InvalidMethod => contract::DeclineReason::InvalidMethod,
        Decline::Other => contract::DeclineReason::Other,
    }
}
