//! The component: contracts, HTTP routes, variables, the store and the HTTP client.

use axum::Router;
use bindings::exports::shop::payments::{audit as books, payments as contract};
use chassis::SystemClock;
use chassis::app::{Kept, Unready, readiness, router_with_problems, serve};
use chassis::config::{ConfigError, optional, variable};
use chassis::http::SpinOutbound;
use chassis::register::{PAGE_MAX, position};
use chassis::store::{SpinStore, StoreError};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{Account, Decline, Payment, Posting, Status};
use crate::provider::Psp;
use crate::records::Record;
use crate::routes::Api;
use crate::service::{Payments, Refusal};

contracts::function!("payments");

/// The sandbox of the provider, for development.
const PSP_URL_DEFAULT: &str = "http://psp-sandbox.spin.internal";

struct Component;

/// The settings of the operator.
#[derive(Clone, PartialEq)]
struct Settings {
    psp: PspSettings,
    webhook_secret: String,
}

/// The address of the provider, and the key of its API.
#[derive(Clone, PartialEq)]
struct PspSettings {
    url: Option<String>,
    api_key: String,
}

/// Calls of the contract read the settings themselves; only the other routes need them here.
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
    let store = bindings::store()?;
    let api = Api {
        payments: payments(store.clone(), &settings.psp),
        keys: bindings::IdentityKeys,
        webhook_secret: settings.webhook_secret.clone(),
    };
    Ok(router_with_problems(crate::routes::router(api).merge(readiness(store))))
}

type Service = Payments<SpinStore, Psp<SpinOutbound>, SystemClock>;

fn payments(store: SpinStore, psp: &PspSettings) -> Service {
    let url = psp.url.as_deref().unwrap_or(PSP_URL_DEFAULT);
    Payments::new(store, Psp::new(SpinOutbound, url, &psp.api_key), SystemClock)
}

/// The service for one call of the contract.
async fn service() -> Result<Service, Unready> {
    Ok(payments(bindings::store()?, &psp_settings().await?))
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
        result(service().await?.authorize(&id, &order_id, amount, &method).await)
    }

    async fn capture(id: String) -> Result<contract::Payment, contract::Error> {
        result(service().await?.capture(&id).await)
    }

    async fn cancel(id: String, order_id: String) -> Result<contract::Payment, contract::Error> {
        result(service().await?.cancel(&id, &order_id).await)
    }

    async fn refund(
        id: String,
        refund_id: String,
        amount: contract::Money,
    ) -> Result<contract::Payment, contract::Error> {
        let amount = chassis::money::Money::new(amount.amount, amount.currency);
        result(service().await?.refund(&id, &refund_id, amount).await)
    }

    async fn get(id: String) -> Result<contract::Payment, contract::Error> {
        result(service().await?.get(&id).await)
    }
}

fn result(result: Result<Payment, Refusal>) -> Result<contract::Payment, contract::Error> {
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
        let at = position(after.as_deref()).filter(|_| (1..=PAGE_MAX).contains(&limit));
        let at = at.ok_or_else(|| unreadable(after))?;
        let page = service().await?.records().payments(at, limit).await?;
        Ok(books::Page {
            entries: page.entries.into_iter().map(Into::into).collect(),
            next: page.next.map(|next| next.to_string()),
        })
    }

    async fn ledger(after: Option<String>) -> Result<books::Postings, books::Error> {
        let slot = position(after.as_deref()).ok_or_else(|| unreadable(after))?;
        let service = service().await?;
        if slot == 0 && service.import_statement().await?.more {
            let text = "the provider's statement is still being read".to_owned();
            return Err(books::Error::Unavailable(text));
        }
        let (postings, next) = service.records().postings_after(slot).await?;
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
            let known = service.records().load(&line.payment_id).await?;
            entries.push(books::StatementLine {
                number: line.number,
                order_id: known.map(|(payment, _)| payment.order_id).unwrap_or_default(),
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

impl From<(Payment, Record)> for books::Entry {
    fn from((payment, record): (Payment, Record)) -> Self {
        Self {
            status: status(payment.status()),
            asked: payment.amount().amount,
            captured: payment.known.captured,
            refunded: payment.known.refunded,
            charged_back: payment.known.charged_back,
            held: payment.held(),
            unstated: record.is_unstated(),
            currency: payment.known.currency,
            id: payment.id,
            order_id: payment.order_id,
        }
    }
}
