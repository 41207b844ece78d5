//! A notification from acceptance to its end. Pure: time comes in as milliseconds since 1970.
//!
//! ```text
//! accepted ─► pending ──► sending ──► sent
//!                ▲           ├──────► failed      (hard bounce, or attempts used up)
//!                └─ backoff ─┤
//!                            └──────► suppressed  (the reader switched the channel off)
//! ```
//!
//! `sending` is a lease, not a fact: whoever holds it may have died. When it has run out,
//! the next attempt takes over with the same idempotency key, so a provider that did get
//! the first one sends nothing twice.
//!
//! What was accepted is what is sent: the template version and the variables are fixed at
//! acceptance. Whether it *may* be sent is asked at the time of sending, because a reader
//! who opts out means the mails that are still queued, too. Variables are forgotten once
//! nothing is left to send: a queue is no archive of personal data.

use serde::{Deserialize, Serialize};

/// Most attempts to deliver one notification.
pub const ATTEMPT_COUNT_MAX: usize = 6;
/// How long an attempt may hold a notification before another may take over.
pub const LEASE_MS: u64 = 30_000;
/// Wait after the first failed attempt; each further wait is four times as long.
pub const BACKOFF_FIRST_MS: u64 = 15_000;
/// Longest wait between attempts, also when a provider asks for more.
pub const BACKOFF_MAX_MS: u64 = 3_600_000;
/// Longest request id, in bytes.
pub const REQUEST_ID_LENGTH_MAX: usize = 200;
/// Most variables of one notification.
pub const VARIABLE_COUNT_MAX: usize = 50;
/// Longest text of a variable, in bytes.
pub const VARIABLE_LENGTH_MAX: usize = 4_000;

/// A way to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A mail to the address of the account.
    Email,
    /// A message to the devices of the account.
    Push,
}

/// What somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the caller; the same id never sends a second message.
    pub request_id: String,
    /// How to reach the reader.
    pub channel: Channel,
    /// The reader.
    pub user_id: String,
    /// Names a template.
    pub template_code: String,
    /// Name and text of each variable.
    pub variables: Vec<(String, String)>,
    /// BCP 47 tag; none means the reader's own language.
    pub language: Option<String>,
}

impl Request {
    /// What is wrong with the request, if anything, whoever the reader is.
    pub fn fault(&self) -> Option<String> {
        let id = &self.request_id;
        if !(1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            || !id.bytes().all(|b| b.is_ascii_graphic())
        {
            return Some(format!(
                "a request id has 1 to {REQUEST_ID_LENGTH_MAX} visible ASCII characters"
            ));
        }
        if self.variables.len() > VARIABLE_COUNT_MAX {
            return Some(format!("at most {VARIABLE_COUNT_MAX} variables"));
        }
        for (index, (name, value)) in self.variables.iter().enumerate() {
            if self.variables[..index].iter().any(|(earlier, _)| earlier == name) {
                return Some(format!("the variable {name} is given twice"));
            }
            if value.len() > VARIABLE_LENGTH_MAX {
                return Some(format!("{name} is longer than {VARIABLE_LENGTH_MAX} bytes"));
            }
        }
        None
    }

    /// The same content in one spelling: the order of variables means nothing.
    pub fn canonical(mut self) -> Self {
        self.variables.sort();
        self
    }
}

/// What rendering at acceptance fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The template's version.
    pub version: u32,
    /// The language that was found.
    pub language: String,
    /// As the reader's list of notifications shows it.
    pub subject: String,
    /// The request's variables and those known of the reader. Empty once it is over.
    pub variables: Vec<(String, String)>,
}

/// Where a notification stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum State {
    /// To be sent, not before `due_ms`.
    Pending {
        /// Milliseconds since 1970.
        due_ms: u64,
    },
    /// An attempt is under way, or died.
    Sending {
        /// When another attempt may take over.
        lease_until_ms: u64,
    },
    /// The provider took it.
    Sent {
        /// Milliseconds since 1970.
        at_ms: u64,
    },
    /// It will never be sent.
    Failed {
        /// For a person.
        reason: String,
    },
    /// The reader does not want messages on this channel.
    Suppressed,
}

impl State {
    /// The word for it in answers; a reader need not know of leases.
    pub fn word(&self) -> &'static str {
        match self {
            State::Pending { .. } | State::Sending { .. } => "pending",
            State::Sent { .. } => "sent",
            State::Failed { .. } => "failed",
            State::Suppressed => "suppressed",
        }
    }
}

/// One attempt that ended without success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What went wrong, for a person.
    pub detail: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took it.
    Delivered,
    /// The provider will never take it: a hard bounce.
    Refused(String),
    /// Nobody knows, or it may go better later.
    Deferred {
        /// For a person.
        detail: String,
        /// The provider's wish, milliseconds from now.
        retry_after_ms: Option<u64>,
    },
    /// The reader switched the channel off.
    Unwanted,
}

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
    /// Attempts begun.
    pub attempts: usize,
    /// Attempts that did not succeed, oldest first.
    pub setbacks: Vec<Setback>,
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
            attempts: 0,
            setbacks: Vec::new(),
            state: State::Pending { due_ms: now_ms },
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, State::Pending { .. } | State::Sending { .. })
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
        if self.attempts >= ATTEMPT_COUNT_MAX {
            self.give_up("all attempts were used up");
            return None;
        }
        self.attempts += 1;
        self.state = State::Sending { lease_until_ms: now_ms + LEASE_MS };
        Some(self.attempts)
    }

    /// Records how attempt `number` ended. An attempt that was overtaken changes nothing,
    /// unless it delivered: that is a fact, whoever learnt of it.
    pub fn end(&mut self, number: usize, outcome: Outcome, now_ms: u64) {
        if self.is_over() || (number != self.attempts && outcome != Outcome::Delivered) {
            return;
        }
        match outcome {
            Outcome::Delivered => self.finish(State::Sent { at_ms: now_ms }),
            Outcome::Unwanted => self.finish(State::Suppressed),
            Outcome::Refused(detail) => {
                self.setbacks.push(Setback { at_ms: now_ms, detail: detail.clone() });
                self.give_up(&detail);
            }
            Outcome::Deferred { detail, retry_after_ms } => {
                self.setbacks.push(Setback { at_ms: now_ms, detail: detail.clone() });
                if self.attempts >= ATTEMPT_COUNT_MAX {
                    self.give_up(&format!("{ATTEMPT_COUNT_MAX} attempts failed, last: {detail}"));
                } else {
                    let wait = backoff_ms(self.attempts, &self.id).max(retry_after_ms.unwrap_or(0));
                    self.state = State::Pending { due_ms: now_ms + wait.min(BACKOFF_MAX_MS) };
                }
            }
        }
    }

    fn give_up(&mut self, reason: &str) {
        self.finish(State::Failed { reason: reason.to_owned() });
    }

    fn finish(&mut self, state: State) {
        self.state = state;
        self.pinned.variables.clear();
    }
}

/// The wait after attempt `number`: exponential, with up to a quarter taken off by the id,
/// so that what failed together is not repeated together.
fn backoff_ms(number: usize, id: &str) -> u64 {
    let doublings = 2 * u32::try_from(number.saturating_sub(1)).unwrap_or(16).min(16);
    let whole = BACKOFF_FIRST_MS.saturating_mul(1 << doublings).min(BACKOFF_MAX_MS);
    let spread = id.bytes().fold(7u64, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into())) % 256;
    whole - whole / 4 * spread / 256
}

/// What a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// Mails about one's own orders and account.
    pub email: bool,
    /// Messages to one's devices.
    pub push: bool,
}

impl Default for Preferences {
    /// Both: these messages are about what the reader did, not advertisements.
    fn default() -> Self {
        Self { email: true, push: true }
    }
}

impl Preferences {
    /// Whether `channel` may be used.
    pub fn allow(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Push => self.push,
        }
    }
}

#[cfg(test)]
mod tests;
