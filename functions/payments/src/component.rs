//! Payments on a host: store, variables, HTTP client, contract.

use axum::Router;
use bindings::exports::shop::payments::{audit as books, payments as contract};
use chassis::app::{Kept, Unready, readiness, router_with_problems, serve};
use chassis::clock::now_ms;
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;
use chassis::register::{PAGE_MAX, position};
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::audit;
use crate::domain::{Decline, Payment, Status};
use crate::ledger::{Account, Posting};
use crate::provider::Psp;
use crate::routes::Api;
use crate::service::{Payments, Refusal};

contracts::function!("payments");

/// The provider of development.
const PSP_URL_DEFAULT: &str = "http://psp-sandbox.spin.internal";

struct Component;

/// What an operator has set.
#[derive(Clone, PartialEq)]
struct Settings {
    psp: PspSettings,
    webhook_secret: String,
}

/// Where the provider is, and how it knows us.
#[derive(Clone, PartialEq)]
struct PspSettings {
    url: Option<String>,
    api_key: String,
}

/// A call of the contract sets itself up; only the other routes need settings.
static CONTRACT: Kept = Kept::new();
static ROUTES: Kept<Settings> = Kept::new();

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let router = match request.uri().path().starts_with("/rpc/") {
        true => CONTRACT
            .router((), |()| Ok(router_with_problems(chassis::rpc::router(bindings::dispatch)))),
        false => match settings().await {
            Ok(settings) => ROUTES.router(settings, routes),
            Err(error) => Err(error.into()),
        },
    };
    serve(router, request).await
}

async fn settings() -> Result<Settings, ConfigError> {
    let webhook_secret = variable("psp_webhook_secret").await?;
    Ok(Settings { psp: psp_settings().await?, webhook_secret })
}

async fn psp_settings() -> Result<PspSettings, ConfigError> {
    let url = optional("psp_url").await?;
    Ok(PspSettings { url, api_key: variable("psp_api_key").await? })
}

fn routes(settings: &Settings) -> chassis::Result<Router> {
    let store = open()?;
    let api = Api {
        payments: payments(store.clone(), &settings.psp),
        keys: bindings::IdentityKeys,
        webhook_secret: settings.webhook_secret.clone(),
    };
    Ok(router_with_problems(crate::routes::router(api).merge(readiness(store))))
}

fn open() -> Result<SpinStore, StoreError> {
    SpinStore::open("payments")
}

type Service = Payments<SpinStore, Psp<SpinOutbound>>;

fn payments(store: SpinStore, psp: &PspSettings) -> Service {
    let url = psp.url.as_deref().unwrap_or(PSP_URL_DEFAULT);
    Payments::new(store, Psp::new(SpinOutbound, url, &psp.api_key), now_ms)
}

/// The service for one call of the contract.
async fn service() -> Result<Service, Unready> {
    Ok(payments(open()?, &psp_settings().await?))
}

impl From<Unready> for contract::Error {
    fn from(error: Unready) -> contract::Error {
        contract::Error::Unavailable(error.to_string())
    }
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

    async fn refund(
        id: String,
        refund_id: String,
        amount: contract::Money,
    ) -> Result<contract::Payment, contract::Error> {
        let amount = chassis::money::Money::new(amount.amount, amount.currency);
        answer(service().await?.refund(&id, &refund_id, amount).await)
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
            Refusal::Mismatch(reason) => contract::Error::Mismatch(reason),
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

impl books::Guest for Component {
    async fn payments(after: Option<String>, limit: u32) -> Result<books::Page, books::Error> {
        let place = position(after.as_deref()).filter(|_| (1..=PAGE_MAX).contains(&limit));
        let place = place.ok_or_else(|| unreadable(after))?;
        let page = service().await?.entries(place, limit).await?;
        Ok(books::Page {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next.map(|place| place.to_string()),
        })
    }

    async fn ledger(after: Option<String>) -> Result<books::Postings, books::Error> {
        let slot = position(after.as_deref()).ok_or_else(|| unreadable(after))?;
        let service = service().await?;
        if slot == 0 && service.pull().await?.more {
            let text = "the provider's statement is still being read".to_owned();
            return Err(books::Error::Unavailable(text));
        }
        let (postings, next) = service.stretch(slot).await?;
        Ok(books::Postings {
            entries: postings.into_iter().map(Into::into).collect(),
            next: next.map(|slot| slot.to_string()),
        })
    }

    async fn statement(after: Option<String>) -> Result<books::StatementPart, books::Error> {
        let after = position(after.as_deref()).ok_or_else(|| unreadable(after))?;
        let service = service().await?;
        let part = service.statement(after).await?;
        let mut entries = Vec::with_capacity(part.lines.len());
        for line in part.lines {
            entries.push(books::StatementLine {
                number: line.number,
                order_id: service.order_of(&line.payment_id).await?,
                payment_id: line.payment_id,
                amount: money(line.amount),
                at_ms: line.at_ms,
            });
        }
        Ok(books::StatementPart { entries, next: part.more.then(|| part.next.to_string()) })
    }
}

fn money(money: chassis::money::Money) -> contract::Money {
    contract::Money { amount: money.amount, currency: money.currency }
}

impl From<Posting> for books::Posting {
    fn from(posting: Posting) -> Self {
        Self {
            payment_id: posting.payment_id,
            order_id: posting.order_id,
            side: match posting.account {
                Account::CustomerFunds => books::Side::CustomerFunds,
                Account::PspClearing => books::Side::PspClearing,
            },
            amount: money(posting.amount),
        }
    }
}

impl From<Refusal> for books::Error {
    fn from(refusal: Refusal) -> Self {
        Self::Unavailable(format!("{refusal:?}"))
    }
}

fn unreadable(after: Option<String>) -> books::Error {
    books::Error::Invalid(format!("`after` {after:?}, or a limit beyond {PAGE_MAX}"))
}

impl From<Unready> for books::Error {
    fn from(unready: Unready) -> Self {
        Self::Unavailable(unready.to_string())
    }
}

impl From<StoreError> for books::Error {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<audit::Entry> for books::Entry {
    fn from(entry: audit::Entry) -> Self {
        Self {
            id: entry.id,
            order_id: entry.order_id,
            status: status(entry.status),
            currency: entry.currency,
            asked: entry.asked,
            captured: entry.captured,
            refunded: entry.refunded,
            charged_back: entry.charged_back,
            held: entry.held,
            unstated: entry.unstated,
        }
    }
}
