//! The provider's books and its webhooks.

use std::future::Future;

use bytes::Bytes;
use chassis::http::Outbound;
use chassis::store::{Store, StoreError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::charge::{Charge, Instruction, Moment, State, Unmoved};
use crate::signature;
use crate::statement::OPEN_MS;

/// How long the merchant may take to accept a webhook, in milliseconds.
const WEBHOOK_TIMEOUT_MS: u64 = 2_000;

/// Time, as far as it must pass.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// Ready after that many milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send;
}

/// How the sandbox is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What merchants send as `x-api-key`.
    pub api_key: String,
    /// Where webhooks go; none are sent without it.
    pub webhook_url: Option<String>,
    /// The key of the webhooks' signatures.
    pub webhook_secret: String,
    /// How long a slow card takes, in milliseconds.
    pub slow_ms: u64,
}

/// Why there is no answer about a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another instruction came under this idempotency key.
    Mismatch,
    /// There is no such charge.
    Unknown,
    /// The charge's state does not allow this.
    WrongState(State),
    /// The amount is greater than what is left.
    TooMuch,
    /// The card's network is down; nothing was done.
    Down,
    /// It was done, and the answer is lost.
    AnswerLost,
    /// The books can't be reached.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Unmoved> for Fault {
    fn from(unmoved: Unmoved) -> Self {
        match unmoved {
            Unmoved::WrongState(state) => Self::WrongState(state),
            Unmoved::TooMuch => Self::TooMuch,
            Unmoved::Mismatch => Self::Mismatch,
            Unmoved::NoLine => {
                Self::Store(StoreError::Contended("the charge was changed concurrently".to_owned()))
            }
        }
    }
}

/// The provider.
#[derive(Clone)]
pub struct Sandbox<S, C, O> {
    /// How it is set up.
    pub settings: Settings,
    /// Its books.
    pub store: S,
    /// Its time.
    pub clock: C,
    /// Its way to merchants.
    pub outbound: O,
}

impl<S: Store, C: Clock, O: Outbound> Sandbox<S, C, O> {
    /// Opens a charge, once for each idempotency key. Answers when it is decided.
    pub async fn open(&self, key: &str, instruction: Instruction) -> Result<Charge, Fault> {
        let id = charge_id(key);
        let now_ms = self.clock.now_ms();
        let fresh = Charge::open(id.clone(), instruction.clone(), now_ms, self.settings.slow_ms);
        let fresh = fresh.ok_or(Fault::Down)?;
        let (charge, lost) = self
            .store
            .update(&charge_key(&id), |known: Option<Charge>| {
                let mut charge = known.unwrap_or_else(|| fresh.clone());
                if charge.instruction != instruction {
                    return Err(Fault::Mismatch);
                }
                let lost = charge.answers_to_lose > 0;
                charge.answers_to_lose = charge.answers_to_lose.saturating_sub(1);
                Ok((charge.clone(), (charge, lost)))
            })
            .await?;
        if lost {
            return Err(Fault::AnswerLost);
        }
        let wait_ms = charge.decided_at_ms.saturating_sub(self.clock.now_ms());
        if wait_ms > 0 {
            self.clock.sleep(wait_ms).await;
        }
        Ok(charge)
    }

    /// The charge with this id.
    pub async fn find(&self, id: &str) -> Result<Charge, Fault> {
        self.store.read(&charge_key(id)).await?.ok_or(Fault::Unknown)
    }

    /// The charge that was opened with this idempotency key.
    pub async fn find_by_key(&self, key: &str) -> Result<Charge, Fault> {
        self.find(&charge_id(key)).await
    }

    /// Takes the money of a charge.
    pub async fn capture(&self, id: &str) -> Result<Charge, Fault> {
        self.change(id, Charge::capture).await
    }

    /// Reverses all money of a charge.
    pub async fn reverse(&self, id: &str) -> Result<Charge, Fault> {
        self.change(id, Charge::reverse).await
    }

    /// Reverses some money of a charge, once for each idempotency key.
    pub async fn reverse_some(&self, id: &str, key: &str, value: i64) -> Result<Charge, Fault> {
        self.change(id, |charge, at| charge.reverse_some(key, value, at)).await
    }

    /// Charges back the money of a charge.
    pub async fn charge_back(&self, id: &str) -> Result<Charge, Fault> {
        self.change(id, Charge::charge_back).await
    }

    /// Changes a charge, with a line of the statement if money moves.
    async fn change(
        &self,
        id: &str,
        change: impl Fn(&mut Charge, Moment) -> Result<(), Unmoved> + Send + Sync,
    ) -> Result<Charge, Fault> {
        // First a dry run on the current state: it shows whether money moves and whether the
        // operation is refused, and an unknown id must not create a value.
        let mut known = self.find(id).await?;
        let now_ms = self.clock.now_ms();
        let line = match change(&mut known, Moment { now_ms, line: None }) {
            Err(Unmoved::NoLine) => Some(self.reserve_line(id).await?),
            _ => None,
        };
        let changed = self.change_at(id, &change, Moment { now_ms, line }).await;
        match (line, &changed) {
            (Some(line), Ok(charge)) if charge.movements.iter().any(|it| it.line == line) => {}
            // A failed write may still have been applied. A reader of the statement will find out.
            (None, _) | (Some(_), Err(Fault::Store(_))) => {}
            (Some(line), _) => self.release_line(line, now_ms).await?,
        }
        changed
    }

    async fn change_at(
        &self,
        id: &str,
        change: &(impl Fn(&mut Charge, Moment) -> Result<(), Unmoved> + Send + Sync),
        at: Moment,
    ) -> Result<Charge, Fault> {
        let clock = &self.clock;
        self.store
            .update(&charge_key(id), |charge: Option<Charge>| {
                let mut charge = charge.ok_or(Fault::Unknown)?;
                if clock.now_ms() > at.now_ms.saturating_add(OPEN_MS / 2) {
                    return Err(Fault::Store(StoreError::Contended(charge.id)));
                }
                change(&mut charge, at)?;
                Ok((charge.clone(), charge))
            })
            .await
    }

    /// Sends the notices of a charge that are due. A failed notice is kept and sent again with a
    /// later request about the charge.
    pub async fn deliver(&self, id: &str) -> Result<(), Fault> {
        let Some(url) = self.settings.webhook_url.clone() else { return Ok(()) };
        let charge = self.find(id).await?;
        let now_ms = self.clock.now_ms();
        for notice in charge.notices.iter().filter(|notice| notice.due_ms <= now_ms) {
            let event = json!({
                "id": notice.id,
                "type": notice.kind,
                "created": now_ms / 1_000,
                "data": view(&charge, now_ms),
            });
            if !self.begin_notice(id, &notice.id, now_ms).await? {
                continue;
            }
            let delivered = self.post(&url, &event).await;
            self.store
                .update(&charge_key(id), |charge: Option<Charge>| {
                    let mut charge = charge.ok_or(Fault::Unknown)?;
                    charge.settle_notice(&notice.id, delivered);
                    Ok::<_, Fault>((charge, ()))
                })
                .await?;
        }
        Ok(())
    }

    async fn begin_notice(&self, id: &str, notice: &str, now_ms: u64) -> Result<bool, Fault> {
        self.store
            .update(&charge_key(id), |charge: Option<Charge>| {
                let mut charge = charge.ok_or(Fault::Unknown)?;
                let begun = charge.begin_notice(notice, now_ms);
                Ok::<_, Fault>((charge, begun))
            })
            .await
    }

    async fn post(&self, url: &str, event: &Value) -> bool {
        let body = event.to_string();
        let secret = &self.settings.webhook_secret;
        let signed = signature::sign(secret, self.clock.now_ms() / 1_000, body.as_bytes());
        let request = http::Request::post(url)
            .header("content-type", "application/json")
            .header(signature::HEADER, signed)
            .body(Bytes::from(body));
        let Ok(request) = request else { return false };
        let answer = self.outbound.send(request, WEBHOOK_TIMEOUT_MS).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// A charge as merchants see it.
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
    let digest = Sha256::digest(idempotency_key.as_bytes());
    let mut id = signature::hex(&digest);
    id.truncate(24);
    format!("ch_{id}")
}

pub(crate) fn charge_key(id: &str) -> String {
    format!("charge:{id}")
}
