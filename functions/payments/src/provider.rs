//! The anti-corruption layer: the only code that knows the API of the payment provider.
//!
//! Its states, codes and field names are used only here. A state that this version does not know becomes
//! [`ChargeStatus::Unknown`] and changes nothing; a response that does not match the request (about
//! another charge, invalid JSON) is treated like a missing response. Amounts are reported
//! unchanged.

mod statement;
pub mod webhook;

use bytes::Bytes;
use chassis::http::{Outbound, OutboundError};
use http::{Method, Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::domain::{Amounts, ChargeStatus, Decline, Report, Statement};
use crate::ports::{self, Hold, PartialRefund, Provider, ProviderError, STATEMENT_LINES_MAX};

/// The maximum time of one request to the provider, in milliseconds.
pub const TIMEOUT_MS: u64 = 1_500;

/// The provider behind an HTTP API.
#[derive(Clone)]
pub struct Psp<O> {
    outbound: O,
    /// Without a slash at its end.
    base_url: String,
    api_key: String,
}

/// A charge in the format of the provider. Other fields are ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    charge_id: String,
    merchant_ref: String,
    state: String,
    value: i64,
    ccy: String,
    #[serde(default)]
    captured_value: i64,
    #[serde(default)]
    reversed_value: i64,
    #[serde(default)]
    charged_back_value: i64,
    #[serde(default)]
    refusal_code: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: FailureBody,
}

#[derive(Deserialize)]
struct FailureBody {
    code: String,
}

/// A response about a charge.
enum Reply {
    Charge(Charge),
    /// There is no such charge.
    Missing,
    /// The charge's state does not allow the operation.
    WrongState,
}

impl<O: Outbound> Psp<O> {
    /// The provider at `base_url`, as the merchant with this key.
    pub fn new(outbound: O, base_url: &str, api_key: &str) -> Self {
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { outbound, base_url, api_key: api_key.to_owned() }
    }

    /// Sends a request about a charge.
    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<Reply, ProviderError> {
        let (status, body) = self.exchange(method, path, key, body).await?;
        read(status, &body)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header("x-api-key", &self.api_key)
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("x-idempotency-key", key);
        }
        let request =
            request.body(body).map_err(|error| ProviderError::NotExecuted(error.to_string()))?;
        match self.outbound.send(request, TIMEOUT_MS).await {
            Ok(response) => Ok((response.status(), response.into_body())),
            Err(error @ OutboundError::Connect(_)) => {
                Err(ProviderError::NotExecuted(error.to_string()))
            }
            Err(error) => Err(ProviderError::OutcomeUnknown(error.to_string())),
        }
    }

    /// Requests an operation on a charge. If its state does not allow the operation, returns the
    /// current state.
    async fn operate(
        &self,
        charge: &ports::Charge,
        operation: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<Report, ProviderError> {
        let path = format!("/v2/charges/{}", escape(&charge.reference));
        let operation = format!("{path}/{operation}");
        let reply = match self.send(Method::POST, &operation, key, body).await? {
            Reply::WrongState => self.send(Method::GET, &path, None, Bytes::new()).await?,
            reply => reply,
        };
        match reply {
            Reply::Charge(current) if current.charge_id == charge.reference => {
                matching(current, &charge.key)
            }
            _ => {
                let reference = &charge.reference;
                Err(ProviderError::OutcomeUnknown(format!(
                    "the provider does not know {reference}"
                )))
            }
        }
    }
}

impl<O: Outbound> Provider for Psp<O> {
    async fn hold(&self, hold: &Hold) -> Result<Report, ProviderError> {
        let body = json!({
            "merchantRef": hold.key,
            "value": hold.amount.amount,
            "ccy": hold.amount.currency,
            "source": hold.method,
        });
        let body = Bytes::from(body.to_string());
        match self.send(Method::POST, "/v2/charges", Some(&hold.key), body).await? {
            Reply::Charge(charge) => matching(charge, &hold.key),
            _ => Err(does_not_match()),
        }
    }

    async fn capture(&self, charge: &ports::Charge) -> Result<Report, ProviderError> {
        self.operate(charge, "capture", None, Bytes::new()).await
    }

    async fn reverse(&self, charge: &ports::Charge) -> Result<Report, ProviderError> {
        self.operate(charge, "reverse", None, Bytes::new()).await
    }

    async fn refund(
        &self,
        charge: &ports::Charge,
        part: &PartialRefund,
    ) -> Result<Report, ProviderError> {
        let body = Bytes::from(json!({"value": part.amount.amount}).to_string());
        self.operate(charge, "reverse", Some(&part.key), body).await
    }

    async fn find(&self, key: &str) -> Result<Option<Report>, ProviderError> {
        let path = format!("/v2/charges?idempotencyKey={}", escape(key));
        match self.send(Method::GET, &path, None, Bytes::new()).await? {
            Reply::Charge(charge) => matching(charge, key).map(Some),
            Reply::Missing => Ok(None),
            Reply::WrongState => Err(does_not_match()),
        }
    }

    async fn statement(&self, after: u64) -> Result<Statement, ProviderError> {
        let path = format!("/v2/statement?after={after}&limit={STATEMENT_LINES_MAX}");
        let (status, body) = self.exchange(Method::GET, &path, None, Bytes::new()).await?;
        statement::read(status, &body, after)
    }
}

/// The report about a charge, if it is the requested one.
fn matching(charge: Charge, key: &str) -> Result<Report, ProviderError> {
    if charge.merchant_ref == key { Ok(report(charge)) } else { Err(does_not_match()) }
}

fn does_not_match() -> ProviderError {
    ProviderError::OutcomeUnknown("the response does not match the request".to_owned())
}

/// Parses a response. Requests that the provider has refused have an error code; after any other
/// failure, the outcome is unknown.
fn read(status: StatusCode, body: &[u8]) -> Result<Reply, ProviderError> {
    if status.is_success() {
        let charge = serde_json::from_slice(body).map(Reply::Charge);
        return charge.map_err(|error| {
            ProviderError::OutcomeUnknown(format!("unreadable response: {error}"))
        });
    }
    let code = serde_json::from_slice(body).map(|failure: Failure| failure.error.code);
    match (status.as_u16(), code.as_deref()) {
        (404, Ok("no_such_charge")) => Ok(Reply::Missing),
        (409, Ok("wrong_state")) => Ok(Reply::WrongState),
        (400..=499, Ok(code)) => {
            Err(ProviderError::NotExecuted(format!("the provider responded with {code}")))
        }
        (status, _) => {
            Err(ProviderError::OutcomeUnknown(format!("the provider responded with {status}")))
        }
    }
}

fn report(charge: Charge) -> Report {
    let status = match charge.state.as_str() {
        "processing" => ChargeStatus::Pending,
        "hold" => ChargeStatus::Held,
        "approved" => ChargeStatus::Captured,
        "reversed" | "lapsed" => ChargeStatus::Ended,
        "refused" => ChargeStatus::Declined(decline(charge.refusal_code.as_deref())),
        _ => ChargeStatus::Unknown(charge.state),
    };
    let amounts = Amounts {
        currency: charge.ccy,
        held: charge.value,
        captured: charge.captured_value,
        refunded: charge.reversed_value,
        charged_back: charge.charged_back_value,
    };
    Report { payment_id: charge.merchant_ref, reference: charge.charge_id, status, amounts }
}

/// The reason for a response code of ISO 8583.
fn decline(code: Option<&str>) -> Decline {
    match code {
        Some("05") => Decline::Card,
        Some("51") => Decline::InsufficientFunds,
        Some("14") => Decline::InvalidMethod,
        _ => Decline::Other,
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests;
