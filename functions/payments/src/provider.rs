//! The anti-corruption layer: the one place that knows how the payment provider speaks.
//!
//! Its states, codes and field names end here. A state that this version does not know becomes
//! [`Standing::Unknown`] and changes nothing; a response that does not match the request (about
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

use crate::domain::{Amounts, Decline, News, Standing, Statement};
use crate::ports::{self, GiveBack, Hold, Provider, STATEMENT_LINES_MAX, Trouble};

/// How long the provider may take for one answer, in milliseconds.
pub const TIMEOUT_MS: u64 = 1_500;

/// The provider behind an HTTP API.
#[derive(Clone)]
pub struct Psp<O> {
    outbound: O,
    /// Without a slash at its end.
    base_url: String,
    api_key: String,
}

/// A charge as the provider tells it; fields that we don't need are passed over.
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

/// What an answer comes to.
enum Answer {
    Charge(Charge),
    /// There is no such charge.
    Missing,
    /// The charge's state does not allow it: see for yourself which it is.
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
    ) -> Result<Answer, Trouble> {
        let (status, body) = self.exchange(method, path, key, body).await?;
        read(status, &body)
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Trouble> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header("x-api-key", &self.api_key)
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("x-idempotency-key", key);
        }
        let request = request.body(body).map_err(|error| Trouble::NotDone(error.to_string()))?;
        match self.outbound.send(request, TIMEOUT_MS).await {
            Ok(answer) => Ok((answer.status(), answer.into_body())),
            Err(error @ OutboundError::Connect(_)) => Err(Trouble::NotDone(error.to_string())),
            Err(error) => Err(Trouble::Unclear(error.to_string())),
        }
    }

    /// Requests an operation on a charge. If its state does not allow the operation, returns the
    /// current state.
    async fn move_money(
        &self,
        charge: &ports::Charge,
        verb: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<News, Trouble> {
        let path = format!("/v2/charges/{}", escape(&charge.reference));
        let verb = format!("{path}/{verb}");
        let answer = match self.send(Method::POST, &verb, key, body).await? {
            Answer::WrongState => self.send(Method::GET, &path, None, Bytes::new()).await?,
            answer => answer,
        };
        match answer {
            Answer::Charge(told) if told.charge_id == charge.reference => {
                fitting(told, &charge.key)
            }
            _ => {
                let reference = &charge.reference;
                Err(Trouble::Unclear(format!("the provider does not know {reference}")))
            }
        }
    }
}

impl<O: Outbound> Provider for Psp<O> {
    async fn hold(&self, hold: &Hold) -> Result<News, Trouble> {
        let body = json!({
            "merchantRef": hold.key,
            "value": hold.amount.amount,
            "ccy": hold.amount.currency,
            "source": hold.method,
        });
        let body = Bytes::from(body.to_string());
        match self.send(Method::POST, "/v2/charges", Some(&hold.key), body).await? {
            Answer::Charge(charge) => fitting(charge, &hold.key),
            _ => Err(does_not_fit()),
        }
    }

    async fn take(&self, charge: &ports::Charge) -> Result<News, Trouble> {
        self.move_money(charge, "capture", None, Bytes::new()).await
    }

    async fn undo(&self, charge: &ports::Charge) -> Result<News, Trouble> {
        self.move_money(charge, "reverse", None, Bytes::new()).await
    }

    async fn give_back(&self, charge: &ports::Charge, part: &GiveBack) -> Result<News, Trouble> {
        let body = Bytes::from(json!({"value": part.amount.amount}).to_string());
        self.move_money(charge, "reverse", Some(&part.key), body).await
    }

    async fn ask(&self, key: &str) -> Result<Option<News>, Trouble> {
        let path = format!("/v2/charges?idempotencyKey={}", escape(key));
        match self.send(Method::GET, &path, None, Bytes::new()).await? {
            Answer::Charge(charge) => fitting(charge, key).map(Some),
            Answer::Missing => Ok(None),
            Answer::WrongState => Err(does_not_fit()),
        }
    }

    async fn statement(&self, after: u64) -> Result<Statement, Trouble> {
        let path = format!("/v2/statement?after={after}&limit={STATEMENT_LINES_MAX}");
        let (status, body) = self.exchange(Method::GET, &path, None, Bytes::new()).await?;
        statement::read(status, &body, after)
    }
}

/// The report about a charge, if it is the requested one.
fn fitting(charge: Charge, key: &str) -> Result<News, Trouble> {
    if charge.merchant_ref == key { Ok(news(charge)) } else { Err(does_not_fit()) }
}

fn does_not_fit() -> Trouble {
    Trouble::Unclear("the response does not match the request".to_owned())
}

/// What status and body mean. The provider answers failures that it has looked at with an
/// error code; anything else with a status from 500 may have happened.
fn read(status: StatusCode, body: &[u8]) -> Result<Answer, Trouble> {
    if status.is_success() {
        let charge = serde_json::from_slice(body).map(Answer::Charge);
        return charge.map_err(|error| Trouble::Unclear(format!("unreadable answer: {error}")));
    }
    let code = serde_json::from_slice(body).map(|failure: Failure| failure.error.code);
    match (status.as_u16(), code.as_deref()) {
        (404, Ok("no_such_charge")) => Ok(Answer::Missing),
        (409, Ok("wrong_state")) => Ok(Answer::WrongState),
        (400..=499, Ok(code)) => Err(Trouble::NotDone(format!("the provider answers {code}"))),
        (status, _) => Err(Trouble::Unclear(format!("the provider responded with {status}"))),
    }
}

fn news(charge: Charge) -> News {
    let standing = match charge.state.as_str() {
        "processing" => Standing::Pending,
        "hold" => Standing::Held,
        "approved" => Standing::Taken,
        "reversed" | "lapsed" => Standing::Ended,
        "refused" => Standing::Declined(decline(charge.refusal_code.as_deref())),
        _ => Standing::Unknown(charge.state),
    };
    let amounts = Amounts {
        currency: charge.ccy,
        held: charge.value,
        captured: charge.captured_value,
        refunded: charge.reversed_value,
        charged_back: charge.charged_back_value,
    };
    News { payment_id: charge.merchant_ref, reference: charge.charge_id, standing, amounts }
}

/// The response codes of ISO 8583 that we tell apart.
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
