//! One notification and its attempts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Channel, Failure, Outcome, Pinned, Priority, Request, State};

/// How long a notification is retried if the provider does not refuse it, in milliseconds: four
/// days, as usual for mail. This is longer than most outages; after it, an operator should look at
/// it.
pub const RETRY_MS: u64 = 4 * 86_400_000;
/// How long an attempt may hold a notification before another may take over, in milliseconds:
/// twice the timeout of a request to the provider. The provider sends one message for one id.
pub const LEASE_MS: u64 = 5_000;
/// The delay after the first failed attempt; each further delay is four times as long.
pub const BACKOFF_FIRST_MS: u64 = 15_000;
/// The longest delay between attempts, also if the provider asks for more.
pub const BACKOFF_MAX_MS: u64 = 3_600_000;
/// The number of recent failures that are stored.
pub const FAILURE_COUNT_MAX: usize = 20;
/// The number of messages of the provider that are stored; already two are one too many.
pub const RECEIPT_COUNT_MAX: usize = 8;

/// A notification: the request, the result of rendering, and the state of delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// `ntf_…`; also the idempotency key for the provider.
    pub id: String,
    /// Digest of the request, to distinguish a repetition from a conflict.
    pub fingerprint: String,
    /// The request, without its variables.
    pub request_id: String,
    /// How to reach the user.
    pub channel: Channel,
    /// The recipient.
    pub user_id: String,
    /// The template.
    pub template_code: String,
    /// The result of rendering at acceptance.
    pub pinned: Pinned,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// Its number in the register of all notifications, from 1.
    #[serde(default, rename = "place")]
    pub number: u64,
    /// The order of due messages.
    #[serde(default)]
    pub priority: Priority,
    /// As in the request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What it is about: the id of an order.
    #[serde(default)]
    pub subject: Option<String>,
    /// Attempts that have begun.
    pub attempts: usize,
    /// Attempts that had begun when it was last replayed.
    #[serde(default)]
    pub attempts_before: usize,
    /// When it was last replayed, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at_ms: Option<u64>,
    /// Recent failed attempts, oldest first.
    #[serde(rename = "setbacks")]
    pub failures: Vec<Failure>,
    /// The provider's ids of the messages that it accepted for this notification: at most one, if
    /// the provider observes the idempotency key.
    #[serde(default)]
    pub receipts: Vec<String>,
    /// The state of delivery.
    pub state: State,
}

impl Notification {
    /// A new notification that may be sent at once.
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
            number: 0,
            priority: request.priority,
            metadata: request.metadata.clone(),
            subject: request.subject.clone(),
            attempts: 0,
            attempts_before: 0,
            replayed_at_ms: None,
            failures: Vec::new(),
            receipts: Vec::new(),
            state: State::Pending { due_ms: now_ms },
        }
    }

    /// The same notification, after another system has sent it.
    pub fn sent_elsewhere(mut self, at_ms: u64) -> Self {
        self.created_at_ms = at_ms;
        self.deliver(String::new(), at_ms);
        self
    }

    /// Whether its delivery has ended.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, State::Pending { .. } | State::Sending { .. })
    }

    /// Whether its delivery has failed.
    pub fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed { .. })
    }

    /// The time of the next attempt; `None` if it is over.
    pub fn due_ms(&self) -> Option<u64> {
        match self.state {
            State::Pending { due_ms } => Some(due_ms),
            State::Sending { lease_until_ms } => Some(lease_until_ms),
            _ => None,
        }
    }

    /// Begins an attempt and returns its number, from 1; `None` if it is not due.
    pub fn begin(&mut self, now_ms: u64) -> Option<usize> {
        if self.due_ms()? > now_ms {
            return None;
        }
        // A notification that was never attempted in all that time still gets its attempt.
        let crashed = matches!(self.state, State::Sending { .. });
        if crashed && now_ms >= self.retry_until_ms() {
            self.fail("no attempt has finished".to_owned(), now_ms);
            return None;
        }
        self.attempts += 1;
        self.state = State::Sending { lease_until_ms: now_ms + LEASE_MS };
        Some(self.attempts)
    }

    /// Records the outcome of attempt `number`. If a later attempt has taken over, only a delivery
    /// counts.
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
            Outcome::Refused(detail) => self.fail(detail, now_ms),
            Outcome::Deferred { detail, .. } if now_ms >= self.retry_until_ms() => {
                let attempts = self.attempts;
                self.fail(format!("{attempts} attempts failed, last: {detail}"), now_ms);
            }
            Outcome::Deferred { detail, retry_after_ms } => {
                self.note(detail, now_ms);
                let delay = self.backoff_ms().max(retry_after_ms.unwrap_or(0));
                self.state = State::Pending { due_ms: now_ms + delay.min(BACKOFF_MAX_MS) };
            }
        }
    }

    /// Makes a failed notification pending again; false if it has not failed, or if its variables
    /// are deleted.
    pub fn replay(&mut self, now_ms: u64) -> bool {
        if !self.is_failed() || self.is_expired() {
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

    /// Whether its variables are deleted, so that it can't be sent.
    pub fn is_expired(&self) -> bool {
        self.pinned.variables.is_empty()
    }

    /// Deletes the variables of a failed notification, so that it can't be replayed.
    pub fn expire(&mut self) {
        if self.is_failed() {
            self.pinned.variables.clear();
        }
    }

    /// Erases the content and the personal data, because the user has deleted their account. An
    /// unsent notification will not be sent.
    pub fn erase(&mut self) {
        self.pinned.subject.clear();
        self.pinned.variables.clear();
        self.metadata.clear();
        self.failures.clear();
        if !matches!(self.state, State::Sent { .. }) {
            self.state = State::Suppressed;
        }
    }

    /// A response without a message id is about a message that the provider has already accepted.
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

    fn fail(&mut self, reason: String, now_ms: u64) {
        self.note(reason.clone(), now_ms);
        self.state = State::Failed { reason };
    }

    fn finish(&mut self, state: State) {
        self.state = state;
        self.pinned.variables.clear();
    }

    fn note(&mut self, detail: String, at_ms: u64) {
        if self.failures.len() >= FAILURE_COUNT_MAX {
            self.failures.remove(0);
        }
        self.failures.push(Failure { at_ms, detail });
    }

    /// The end of its retries.
    fn retry_until_ms(&self) -> u64 {
        self.replayed_at_ms.unwrap_or(self.created_at_ms).saturating_add(RETRY_MS)
    }

    /// The delay after the current attempt: exponential since the last replay, less up to a quarter
    /// that depends on the id and the attempt, so that messages that failed together are not
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
