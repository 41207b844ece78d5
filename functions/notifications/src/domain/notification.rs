//! One notification and its attempts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Channel, Outcome, Pinned, Priority, Request, Setback, State};

/// How long a notification is retried if the provider does not refuse it, in milliseconds: four
/// days, as usual for mail. This is longer than most outages; after it, an operator should look at
/// it.
pub const RETRY_MS: u64 = 4 * 86_400_000;
/// How long an attempt may hold a notification before another may take over, in milliseconds:
/// twice what the provider is given to answer. It sends one message for one id, whoever asks.
pub const LEASE_MS: u64 = 5_000;
/// Wait after the first failed attempt; each further wait is four times as long.
pub const BACKOFF_FIRST_MS: u64 = 15_000;
/// Longest wait between attempts, also when a provider asks for more.
pub const BACKOFF_MAX_MS: u64 = 3_600_000;
/// Most setbacks that a notification remembers; older ones are forgotten.
pub const SETBACK_COUNT_MAX: usize = 20;
/// Most messages of the provider that a notification remembers; two are one too many already.
pub const RECEIPT_COUNT_MAX: usize = 8;

/// A notification: what was asked, what was fixed, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// `ntf_…`; also the idempotency key towards the provider.
    pub id: String,
    /// Digest of the request's content, to tell a repetition from a conflict.
    pub fingerprint: String,
    /// What was asked, without its variables.
    pub request_id: String,
    /// How to reach the reader.
    pub channel: Channel,
    /// The reader.
    pub user_id: String,
    /// Names a template.
    pub template_code: String,
    /// What rendering at acceptance fixed.
    pub pinned: Pinned,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// Its place in the register of all notifications, from 1.
    #[serde(default)]
    pub place: u64,
    /// What goes first.
    #[serde(default)]
    pub priority: Priority,
    /// As the caller gave it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What it is about, as the id of an order.
    #[serde(default)]
    pub subject: Option<String>,
    /// Attempts begun.
    pub attempts: usize,
    /// Attempts begun before it was last replayed.
    #[serde(default)]
    pub attempts_before: usize,
    /// When it was last replayed, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at_ms: Option<u64>,
    /// Attempts that did not succeed, oldest first.
    pub setbacks: Vec<Setback>,
    /// The provider's ids of the messages that it took for this notification: at most one, if
    /// the provider keeps its promise.
    #[serde(default)]
    pub receipts: Vec<String>,
    /// Where it stands.
    pub state: State,
}

impl Notification {
    /// A notification that was just accepted and may be sent at once.
    pub fn accept(
        id: String,
        fingerprint: String,
        request: &Request,
        pinned: Pinned,
        now_ms: u64,
    ) -> Self {
        Self {
            id,
            fingerprint,
            request_id: request.request_id.clone(),
            channel: request.channel,
            user_id: request.user_id.clone(),
            template_code: request.template_code.clone(),
            pinned,
            created_at_ms: now_ms,
            place: 0,
            priority: request.priority,
            metadata: request.metadata.clone(),
            subject: request.subject.clone(),
            attempts: 0,
            attempts_before: 0,
            replayed_at_ms: None,
            setbacks: Vec::new(),
            receipts: Vec::new(),
            state: State::Pending { due_ms: now_ms },
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, State::Pending { .. } | State::Sending { .. })
    }

    /// Whether it was given up.
    pub fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed { .. })
    }

    /// From when on an attempt may begin; none if it is over.
    pub fn due_ms(&self) -> Option<u64> {
        match self.state {
            State::Pending { due_ms } => Some(due_ms),
            State::Sending { lease_until_ms } => Some(lease_until_ms),
            _ => None,
        }
    }

    /// Begins an attempt and says its number, from 1; none if it is not the time.
    pub fn begin(&mut self, now_ms: u64) -> Option<usize> {
        if self.due_ms()? > now_ms {
            return None;
        }
        // A notification that was only not due in all that time still gets its attempt.
        let died = matches!(self.state, State::Sending { .. });
        if died && now_ms >= self.retry_until_ms() {
            self.give_up("no attempt has finished", now_ms);
            return None;
        }
        self.attempts += 1;
        self.state = State::Sending { lease_until_ms: now_ms + LEASE_MS };
        Some(self.attempts)
    }

    /// Records how attempt `number` ended. An attempt that was overtaken changes nothing,
    /// unless it delivered: that is a fact, whoever learned of it and however late.
    pub fn end(&mut self, number: usize, outcome: Outcome, now_ms: u64) {
        if let Outcome::Delivered(receipt) = outcome {
            return self.deliver(receipt, now_ms);
        }
        if self.is_over() || number != self.attempts {
            return;
        }
        match outcome {
            Outcome::Delivered(_) => {}
            Outcome::Unwanted => self.finish(State::Suppressed),
            Outcome::Refused(detail) => self.give_up(&detail, now_ms),
            Outcome::Deferred { detail, .. } if now_ms >= self.retry_until_ms() => {
                let attempts = self.attempts;
                self.give_up(&format!("{attempts} attempts failed, last: {detail}"), now_ms);
            }
            Outcome::Deferred { detail, retry_after_ms } => {
                self.note(detail, now_ms);
                let wait = self.backoff_ms().max(retry_after_ms.unwrap_or(0));
                self.state = State::Pending { due_ms: now_ms + wait.min(BACKOFF_MAX_MS) };
            }
        }
    }

    /// Sends a failed notification after all; false if it is not failed, or if what it would
    /// say is forgotten.
    pub fn replay(&mut self, now_ms: u64) -> bool {
        if !self.is_failed() || self.is_forgotten() {
            return false;
        }
        self.attempts_before = self.attempts;
        self.replayed_at_ms = Some(now_ms);
        self.state = State::Pending { due_ms: now_ms };
        true
    }

    /// Whether an operator has replayed it and it is not over yet.
    pub fn is_replayed(&self) -> bool {
        !self.is_over() && self.replayed_at_ms.is_some()
    }

    /// Whether what it would say is forgotten.
    pub fn is_forgotten(&self) -> bool {
        self.pinned.variables.is_empty()
    }

    /// Forgets what a failed notification would have said: nobody came to replay it.
    pub fn forget(&mut self) {
        if self.is_failed() {
            self.pinned.variables.clear();
        }
    }

    /// Erases the content and the personal data, because the reader has deleted their account. An
    /// unsent notification will not be sent.
    pub fn erase(&mut self) {
        self.pinned.subject.clear();
        self.pinned.variables.clear();
        self.metadata.clear();
        self.setbacks.clear();
        if !matches!(self.state, State::Sent { .. }) {
            self.state = State::Suppressed;
        }
    }

    /// A provider that names no message has told of one that it took before.
    fn deliver(&mut self, receipt: String, now_ms: u64) {
        self.receipts.retain(|known| !known.is_empty());
        let known = self.receipts.contains(&receipt);
        let fresh = if receipt.is_empty() { self.receipts.is_empty() } else { !known };
        if fresh && self.receipts.len() < RECEIPT_COUNT_MAX {
            self.receipts.push(receipt);
        }
        if !matches!(self.state, State::Sent { .. }) {
            self.finish(State::Sent { at_ms: now_ms });
        }
    }

    fn give_up(&mut self, reason: &str, now_ms: u64) {
        self.note(reason.to_owned(), now_ms);
        self.state = State::Failed { reason: reason.to_owned() };
    }

    fn finish(&mut self, state: State) {
        self.state = state;
        self.pinned.variables.clear();
    }

    fn note(&mut self, detail: String, at_ms: u64) {
        if self.setbacks.len() >= SETBACK_COUNT_MAX {
            self.setbacks.remove(0);
        }
        self.setbacks.push(Setback { at_ms, detail });
    }

    /// Until when it is retried after failures.
    fn retry_until_ms(&self) -> u64 {
        self.replayed_at_ms.unwrap_or(self.created_at_ms).saturating_add(RETRY_MS)
    }

    /// The wait after the current attempt: exponential since the last replay, with up to a
    /// quarter taken off by the id and the attempt, so that what failed together is not
    /// repeated together.
    fn backoff_ms(&self) -> u64 {
        let round = self.attempts.saturating_sub(self.attempts_before);
        let doublings = 2 * u32::try_from(round.saturating_sub(1)).unwrap_or(16).min(16);
        let whole = BACKOFF_FIRST_MS.saturating_mul(1 << doublings).min(BACKOFF_MAX_MS);
        let seed = 7u64.wrapping_add(self.attempts as u64);
        let spread =
            self.id.bytes().fold(seed, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into()));
        whole - whole / 4 * (spread % 256) / 256
    }
}
