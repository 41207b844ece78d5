//! The provider's books and its webhooks.

use bytes::Bytes;
use chassis::clock::{Clock, Timer};
use chassis::http::Outbound;
use chassis::store::{Store, StoreError};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::charge::{self, Charge, Instruction, Moment};
use crate::ports::Ports;
use crate::signature;
use crate::statement::OPEN_MS;

/// How long the merchant may take to accept a webhook, in milliseconds.
const WEBHOOK_TIMEOUT_MS: u64 = 2_000;

/// The settings of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The header `x-api-key` of merchants.
    pub api_key: String,
    /// The URL for webhooks; none are sent without it.
    pub webhook_url: Option<String>,
    /// The key of the webhooks' signatures.
    pub webhook_secret: String,
    /// The delay of a slow card, in milliseconds.
    pub slow_ms: u64,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The charge does not allow it.
    #[error("the charge refused it: {0:?}")]
    Charge(charge::Error),
    /// There is no such charge.
    #[error("no such charge")]
    Unknown,
    /// The card network is down; nothing was done.
    #[error("the card network is down")]
    Down,
    /// It was done, and the response is lost.
    #[error("the response is lost")]
    ResponseLost,
    /// The books can't be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<charge::Error> for Error {
    fn from(error: charge::Error) -> Self {
        match error {
            charge::Error::NoLine => {
                Self::Store(StoreError::Contended("the charge was changed concurrently".to_owned()))
            }
            other => Self::Charge(other),
        }
    }
}

/// The provider.
#[derive(Clone)]
pub struct Sandbox<P: Ports> {
    /// The settings.
    pub settings: Settings,
    /// The books.
    pub store: P::Store,
    /// The clock.
    pub timer: P::Timer,
    /// The HTTP client for webhooks.
    pub outbound: P::Outbound,
    /// The executor of webhooks.
    pub background: P::Background,
}

impl<P: Ports> Sandbox<P> {
    /// Creates a charge, once for each idempotency key, and waits until it is decided.
    pub async fn open(&self, key: &str, instruction: Instruction) -> Result<Charge, Error> {
        let id = charge_id(key);
        let now_ms = self.timer.now_ms();
        let fresh = Charge::open(id.clone(), instruction.clone(), now_ms, self.settings.slow_ms);
        let fresh = fresh.ok_or(Error::Down)?;
        let (charge, lost) = self
            .store
            .update(&charge_key(&id), |known: Option<Charge>| {
                let mut charge = known.unwrap_or_else(|| fresh.clone());
                if charge.instruction != instruction {
                    return Err(Error::Charge(charge::Error::Mismatch));
                }
                let lost = charge.responses_to_lose > 0;
                charge.responses_to_lose = charge.responses_to_lose.saturating_sub(1);
                Ok((charge.clone(), (charge, lost)))
            })
            .await?;
        if lost {
            return Err(Error::ResponseLost);
        }
        let wait_ms = charge.decided_at_ms.saturating_sub(self.timer.now_ms());
        if wait_ms > 0 {
            self.timer.sleep(wait_ms).await;
        }
        Ok(charge)
    }

    /// The charge with this id.
    pub async fn find(&self, id: &str) -> Result<Charge, Error> {
        self.store.read(&charge_key(id)).await?.ok_or(Error::Unknown)
    }

    /// The charge that was opened with this idempotency key.
    pub async fn find_by_key(&self, key: &str) -> Result<Charge, Error> {
        self.find(&charge_id(key)).await
    }

    /// Captures the money of a charge.
    pub async fn capture(&self, id: &str) -> Result<Charge, Error> {
        self.change(id, Charge::capture).await
    }

    /// Reverses all money of a charge.
    pub async fn reverse(&self, id: &str) -> Result<Charge, Error> {
        self.change(id, Charge::reverse).await
    }

    /// Reverses some money of a charge, once for each idempotency key.
    pub async fn reverse_some(&self, id: &str, key: &str, value: i64) -> Result<Charge, Error> {
        self.change(id, |charge, at| charge.reverse_some(key, value, at)).await
    }

    /// Charges back the money of a charge.
    pub async fn charge_back(&self, id: &str) -> Result<Charge, Error> {
        self.change(id, Charge::charge_back).await
    }

    /// Changes a charge, with a line of the statement if money moves.
    async fn change(
        &self,
        id: &str,
        change: impl Fn(&mut Charge, Moment) -> Result<(), charge::Error> + Send + Sync,
    ) -> Result<Charge, Error> {
        // First a dry run on the current state: it shows whether money moves and whether the
        // operation is refused, and an unknown id must not create a value.
        let mut known = self.find(id).await?;
        let now_ms = self.timer.now_ms();
        let line = match change(&mut known, Moment { now_ms, line: None }) {
            Err(charge::Error::NoLine) => Some(self.reserve_line(id).await?),
            _ => None,
        };
        let changed = self
            .update(id, |charge| {
                if self.timer.now_ms() > now_ms.saturating_add(OPEN_MS / 2) {
                    return Err(Error::Store(StoreError::Contended(id.to_owned())));
                }
                change(charge, Moment { now_ms, line })?;
                Ok(charge.clone())
            })
            .await;
        match (line, &changed) {
            (Some(line), Ok(charge)) if charge.movements.iter().any(|it| it.line == line) => {}
            // A failed write may still have been applied. A reader of the statement will find out.
            (None, _) | (Some(_), Err(Error::Store(_))) => {}
            (Some(line), _) => self.release_line(line, now_ms).await?,
        }
        changed
    }

    /// Sends the notices of a charge that are due. A failed notice is kept and sent again with a
    /// later request about the charge.
    pub async fn deliver(&self, id: &str) -> Result<(), Error> {
        let Some(url) = self.settings.webhook_url.clone() else { return Ok(()) };
        let charge = self.find(id).await?;
        let now_ms = self.timer.now_ms();
        for notice in charge.notices.iter().filter(|notice| notice.due_ms <= now_ms) {
            let event = json!({
                "id": notice.id,
                "type": notice.kind,
                "created": now_ms / 1_000,
                "data": view(&charge, now_ms),
            });
            if !self.update(id, |charge| Ok(charge.begin_notice(&notice.id, now_ms))).await? {
                continue;
            }
            let is_delivered = self.post(&url, &event).await;
            let settle = |charge: &mut Charge| {
                charge.settle_notice(&notice.id, is_delivered);
                Ok(())
            };
            self.update(id, settle).await?;
        }
        Ok(())
    }

    async fn update<R: Send>(
        &self,
        id: &str,
        change: impl Fn(&mut Charge) -> Result<R, Error> + Send + Sync,
    ) -> Result<R, Error> {
        self.store
            .update(&charge_key(id), |charge: Option<Charge>| {
                let mut charge = charge.ok_or(Error::Unknown)?;
                let result = change(&mut charge)?;
                Ok((charge, result))
            })
            .await
    }

    async fn post(&self, url: &str, event: &Value) -> bool {
        let body = event.to_string();
        let secret = &self.settings.webhook_secret;
        let signed = signature::sign(secret, self.timer.now_ms() / 1_000, body.as_bytes());
        let request = http::Request::post(url)
            .header("content-type", "application/json")
            .header(signature::HEADER, signed)
            .body(Bytes::from(body));
        let Ok(request) = request else { return false };
        let response = self.outbound.send(request, WEBHOOK_TIMEOUT_MS).await;
        response.is_ok_and(|response| response.status().is_success())
    }
}

/// The JSON of a charge.
pub fn view(charge: &Charge, now_ms: u64) -> Value {
    json!({
        "chargeId": charge.id,
        "merchantRef": charge.instruction.merchant_ref,
        "state": charge.state(now_ms).as_str(),
        "value": charge.value(),
        "ccy": charge.instruction.ccy,
        "capturedValue": charge.captured,
        "reversedValue": charge.reversed,
        "chargedBackValue": charge.charged_back,
        "refusalCode": charge.refusal_code,
        "createdAt": charge.created_at_ms / 1_000,
    })
}

fn charge_id(idempotency_key: &str) -> String {
    format!("ch_{}", HEXLOWER.encode(&Sha256::digest(idempotency_key)[..12]))
}

pub(crate) fn charge_key(id: &str) -> String {
    format!("charge:{id}")
}
