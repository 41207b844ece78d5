//! The state of the projection, and daily sales.

use std::collections::BTreeMap;

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Building, OrderHistory};
use crate::domain::Figures;
use crate::ports::{EventLog, Lag};
use crate::records::{Generation, Owner};

/// The maximum number of orders for a digest; a larger projection has none.
pub const DIGESTED_MAX: u64 = 50_000;
/// The maximum number of days in a summary.
pub const SUMMARY_DAYS_MAX: usize = 92;

/// The prefix of the subscriptions of this function.
const SUBSCRIPTIONS: &str = "order-history-";

/// The state of the projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Orders.
    pub entries: u64,
    /// Users whose names are known.
    pub names: u64,
    /// The time of the newest processed event, in milliseconds since the epoch.
    pub last_event_at_ms: Option<u64>,
    /// The lags of the subscriptions; `None` if the log is unavailable.
    pub lags: Option<Vec<Lag>>,
    /// The serving generation, from 1.
    pub generation: u64,
    /// When it was finished, in milliseconds since the epoch, if it was rebuilt.
    pub rebuilt_at_ms: Option<u64>,
    /// The running rebuild.
    pub rebuilding: Option<Building>,
    /// SHA-256 over all orders and names, in hexadecimal; none over [`DIGESTED_MAX`] orders.
    pub digest: Option<String>,
}

/// The figures of a day in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// As `2026-01-31`, UTC.
    pub day: String,
    /// ISO 4217.
    pub currency: String,
    /// Of the orders placed that day.
    pub figures: Figures,
}

impl<S: Store, L: EventLog, C: Timer> OrderHistory<S, L, C> {
    /// The state of the projection.
    pub async fn status(&self) -> Result<Status, StoreError> {
        let control = self.control().await?;
        let generation = self.generation(control.serving);
        let census = Census::of(&generation).await?;
        Ok(Status {
            entries: census.entries,
            names: census.names,
            last_event_at_ms: census.last_event_at_ms,
            lags: self.lags().await,
            generation: control.serving,
            rebuilt_at_ms: control.rebuilt_at_ms,
            rebuilding: control.building,
            digest: census.digest(),
        })
    }

    /// The figures of each day from `first` to `last` (as `2026-01-31`, both included), newest
    /// first, at most [`SUMMARY_DAYS_MAX`] days that had orders.
    pub async fn summary(&self, first: &str, last: &str) -> Result<Vec<DayFigures>, StoreError> {
        let generation = self.serving().await?;
        let days = generation.days(Owner::All).await?;
        let days = days.into_iter().rev().filter(|day| **day >= *first && **day <= *last);
        let mut summary = Vec::new();
        for day in days.take(SUMMARY_DAYS_MAX) {
            let facts = generation.facts(&day).await?;
            let orders = facts.values().map(|fact| {
                (fact.status.as_str(), fact.total.currency.as_str(), fact.total.amount)
            });
            let figures: BTreeMap<String, Figures> = Figures::by_currency(orders);
            summary.extend(figures.into_iter().map(|(currency, figures)| DayFigures {
                day: day.clone(),
                currency,
                figures,
            }));
        }
        Ok(summary)
    }

    async fn lags(&self) -> Option<Vec<Lag>> {
        let mut lags = self.log.lags().await.inspect_err(|error| eprintln!("{error}")).ok()?;
        lags.retain(|lag| lag.subscription.starts_with(SUBSCRIPTIONS));
        Some(lags)
    }
}

/// Counts and digests over the whole projection, in the order of days.
struct Census {
    entries: u64,
    names: u64,
    last_event_at_ms: Option<u64>,
    hash: Sha256,
}

impl Census {
    async fn of<S: Store>(generation: &Generation<S>) -> Result<Census, StoreError> {
        let mut census =
            Census { entries: 0, names: 0, last_event_at_ms: None, hash: Sha256::new() };
        for day in generation.days(Owner::All).await? {
            census.count_day(generation, &day).await?;
        }
        for (user_id, named) in generation.names().await? {
            census.names += 1;
            census.last_event_at_ms = census.last_event_at_ms.max(Some(named.at_ms));
            for part in [user_id, named.name, named.sequence.to_string()] {
                census.hash_part(part.as_bytes());
            }
        }
        Ok(census)
    }

    async fn count_day<S: Store>(
        &mut self,
        generation: &Generation<S>,
        day: &str,
    ) -> Result<(), StoreError> {
        let mut facts: Vec<_> = generation.facts(day).await?.into_iter().collect();
        facts.sort_by(|(id, fact), (other, that)| {
            (fact.created_at_ms, id).cmp(&(that.created_at_ms, other))
        });
        for (id, fact) in facts {
            self.entries += 1;
            self.last_event_at_ms = self.last_event_at_ms.max(Some(fact.at_ms));
            if self.entries <= DIGESTED_MAX {
                self.hash_part(&generation.bytes(&id).await?);
            }
        }
        Ok(())
    }

    /// Hashes the length first, so that different lists of parts have different digests.
    fn hash_part(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }

    fn digest(self) -> Option<String> {
        let whole = self.entries <= DIGESTED_MAX;
        whole.then(|| HEXLOWER.encode(&self.hash.finalize()))
    }
}
