//! The event log through its contract.

use super::bindings::tessera::events::{log as contract, producer};
use crate::domain::{DeadLetter, Event, LoggedEvent, Reason, Subscription};
use crate::ports::{EventLog, LogError};

/// The log of the platform.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlatformLog;

impl EventLog for PlatformLog {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<LoggedEvent>, LogError> {
        let entries = contract::read(after, limit).await?;
        Ok(entries.into_iter().map(Into::into).collect())
    }

    async fn subscriptions(&self) -> Result<Vec<Subscription>, LogError> {
        let subscriptions = contract::subscriptions().await?;
        Ok(subscriptions.into_iter().map(Into::into).collect())
    }

    async fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, LogError> {
        let letters = contract::dead_letters(after, limit).await?;
        Ok(letters.into_iter().map(Into::into).collect())
    }

    async fn replay(&self, dead_letter_id: String) -> Result<(), LogError> {
        Ok(contract::replay(dead_letter_id).await?)
    }

    async fn replay_key(&self, subscription: String, key: String) -> Result<u64, LogError> {
        Ok(contract::replay_key(subscription, key).await?)
    }

    async fn discard(&self, dead_letter_id: String) -> Result<(), LogError> {
        Ok(contract::discard(dead_letter_id).await?)
    }

    async fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> Result<u64, LogError> {
        Ok(contract::replay_range(subscription, from_ms, until_ms).await?)
    }
}

impl From<contract::Error> for LogError {
    fn from(error: contract::Error) -> LogError {
        match error {
            contract::Error::NotFound(text) => LogError::NotFound(text),
            contract::Error::Invalid(text) => LogError::Invalid(text),
            contract::Error::Unavailable(text) => LogError::Unavailable(text),
        }
    }
}

impl From<contract::Entry> for LoggedEvent {
    fn from(entry: contract::Entry) -> LoggedEvent {
        LoggedEvent {
            position: entry.position,
            recorded_at_ms: entry.recorded_at,
            event: entry.event.into(),
        }
    }
}

impl From<producer::Event> for Event {
    fn from(event: producer::Event) -> Event {
        Event {
            id: event.id,
            source: event.source,
            kind: event.type_,
            subject: event.subject,
            time: event.time,
            partition_key: event.partition_key,
            sequence: event.sequence,
            data_content_type: event.data_content_type,
            data: event.data,
        }
    }
}

impl From<contract::Subscription> for Subscription {
    fn from(it: contract::Subscription) -> Subscription {
        let contract::Subscription { name, components, types, lag, lag_ms, held, retrying, dead } =
            it;
        Subscription { name, components, types, lag, lag_ms, held, retrying, dead }
    }
}

impl From<contract::DeadLetter> for DeadLetter {
    fn from(letter: contract::DeadLetter) -> DeadLetter {
        DeadLetter {
            id: letter.id,
            subscription: letter.subscription,
            logged: letter.entry.into(),
            reason: match letter.reason {
                contract::Reason::Rejected => Reason::Rejected,
                contract::Reason::AttemptsExhausted => Reason::AttemptsExhausted,
            },
            detail: letter.detail,
            attempts: letter.attempts,
            first_seen_at_ms: letter.first_seen_at,
            died_at_ms: letter.died_at,
        }
    }
}
