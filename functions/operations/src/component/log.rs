//! The event log through its contract.

use super::Host;
use crate::bindings::tessera::events::log;
use crate::domain::{DeadLetter, LoggedEvent, Subscription};
use crate::ports::{EventLog, LogError};

impl EventLog for Host {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<LoggedEvent>, LogError> {
        log::read(after, limit).await
    }

    async fn subscriptions(&self) -> Result<Vec<Subscription>, LogError> {
        log::subscriptions().await
    }

    async fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, LogError> {
        log::dead_letters(after, limit).await
    }

    async fn replay(&self, dead_letter_id: String) -> Result<(), LogError> {
        log::replay(dead_letter_id).await
    }

    async fn replay_key(&self, subscription: String, key: String) -> Result<u64, LogError> {
        log::replay_key(subscription, key).await
    }

    async fn discard(&self, dead_letter_id: String) -> Result<(), LogError> {
        log::discard(dead_letter_id).await
    }

    async fn replay_range(
        &self,
        subscription: String,
        from_ms: u64,
        until_ms: u64,
    ) -> Result<u64, LogError> {
        log::replay_range(subscription, from_ms, until_ms).await
    }
}
