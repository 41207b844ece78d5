//! The anti-corruption layer: the one place that knows how the payment provider speaks.
//!
//! Its states, codes and field names end here. A state that this version does not know
//! becomes [`Standing::Unknown`] and changes nothing; an answer that does not fit the
//! question (another amount, unreadable JSON) is treated like no answer at all.

pub mod webhook;

use bytes::Bytes;
use chassis::http::{Outbound, OutboundError};
use http::{Method, Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::domain::{Decline, News, Standing};
use crate::ports::{Hold, Provider, Trouble};

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

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, Trouble> {
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
            Ok(answer) => read(answer.status(), answer.body()),
            Err(error @ OutboundError::Connect(_)) => Err(Trouble::NotDone(error.to_string())),
            Err(error) => Err(Trouble::Unclear(error.to_string())),
        }
    }

    async fn move_money(&self, reference: &str, verb: &str) -> Result<News, Trouble> {
        let charge = format!("/v2/charges/{}", escape(reference));
        let path = format!("{charge}/{verb}");
        let answer = match self.send(Method::POST, &path, None, Bytes::new()).await? {
            Answer::WrongState => self.send(Method::GET, &charge, None, Bytes::new()).await?,
            answer => answer,
        };
        match answer {
            Answer::Charge(charge) => Ok(news(charge)),
            Answer::Missing | Answer::WrongState => {
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
            Answer::Charge(charge) if fits(&charge, hold) => Ok(news(charge)),
            _ => Err(Trouble::Unclear("the answer does not fit the question".to_owned())),
        }
    }

    async fn take(&self, reference: &str) -> Result<News, Trouble> {
        self.move_money(reference, "capture").await
    }

    async fn undo(&self, reference: &str) -> Result<News, Trouble> {
        self.move_money(reference, "reverse").await
    }

    async fn ask(&self, key: &str) -> Result<Option<News>, Trouble> {
        let path = format!("/v2/charges?idempotencyKey={}", escape(key));
        match self.send(Method::GET, &path, None, Bytes::new()).await? {
            Answer::Charge(charge) if charge.merchant_ref == key => Ok(Some(news(charge))),
            Answer::Missing => Ok(None),
            _ => Err(Trouble::Unclear("the answer does not fit the question".to_owned())),
        }
    }
}

fn fits(charge: &Charge, hold: &Hold) -> bool {
    charge.merchant_ref == hold.key
        && charge.value == hold.amount.amount
        && charge.ccy == hold.amount.currency
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
        (status, _) => Err(Trouble::Unclear(format!("the provider answers {status}"))),
    }
}

fn news(charge: Charge) -> News {
    let standing = match charge.state.as_str() {
        "processing" => Standing::Pending,
        "hold" => Standing::Held,
        "approved" => Standing::Taken,
        "reversed" => Standing::Undone { taken: charge.captured_value > 0 },
        "refused" => Standing::Declined(decline(charge.refusal_code.as_deref())),
        _ => Standing::Unknown(charge.state),
    };
    News { reference: charge.charge_id, standing }
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
