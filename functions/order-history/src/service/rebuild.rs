//! Making the projection anew, while the old one serves.
//!
//! A rebuild is a mark in the control value; the work is done in steps by `/sweep`, each of
//! which may be cut off anywhere, and two of which may run at once: every write may be repeated,
//! and how far the rebuild has come is kept by compare-and-swap. First the log is read from its
//! beginning to its end, then what only the old generation knows (the log does not keep events
//! for ever) is carried over, then the new one serves. The old one stays for a while, for
//! requests that are still reading it, and is removed by later sweeps.

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Building, CONTROL, Control, OrderHistory, Refused, Retired, Stage, take_newer};
use crate::ports::{Clock, EventLog, Unavailable};
use crate::projection::{NAME_SHARDS, Owner};

/// Events that are read from the log at once.
pub const READ_LIMIT: u32 = 100;
/// How long one sweep works, in milliseconds.
pub const SWEEP_MS: u64 = 8_000;
/// How long a generation that serves no more stays, in milliseconds: longer than any request
/// that may still read it or write into it.
pub const GRACE_MS: u64 = 120_000;
/// Generations that wait for their removal before another rebuild may start.
const RETIRED_MAX: usize = 4;

/// What became of the wish for a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// This generation is being made, since now or since before.
    Building(u64),
    /// Too many older generations are not removed yet.
    Crowded,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Events of the log that were looked at.
    pub events_read: u64,
    /// Of those, events that can't be read; they were left out.
    pub events_malformed: u64,
    /// Orders that the log knows nothing of any more.
    pub orders_carried: u64,
    /// Generations that began to serve.
    pub generations_switched: u64,
    /// Generations that were removed.
    pub generations_removed: u64,
}

/// Why a sweep ended early. What it did up to then stays done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unswept {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] Unavailable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store, L: EventLog, C: Clock> OrderHistory<S, L, C> {
    /// Wishes for a rebuild. If one is under way already, that one it is.
    pub async fn rebuild(&self) -> Result<Started, StoreError> {
        let started_at_ms = self.clock.now_ms();
        self.change(|control| {
            if let Some(building) = &control.building {
                return Started::Building(building.generation);
            }
            if control.retired.len() >= RETIRED_MAX {
                return Started::Crowded;
            }
            control.newest += 1;
            control.building = Some(Building {
                generation: control.newest,
                stage: Stage::Reading { position: 0 },
                started_at_ms,
                events: 0,
            });
            Started::Building(control.newest)
        })
        .await
    }

    /// Continues the running rebuild and removals, for at most [`SWEEP_MS`]. A failing rebuild does
    /// not stop the removal of older generations.
    pub async fn sweep(&self) -> Result<Swept, Unswept> {
        let until_ms = self.clock.now_ms().saturating_add(SWEEP_MS);
        let mut swept = Swept::default();
        let built = self.build(until_ms, &mut swept).await;
        let removed = self.remove_retired(until_ms, &mut swept).await;
        built?;
        removed?;
        Ok(swept)
    }

    async fn build(&self, until_ms: u64, swept: &mut Swept) -> Result<(), Unswept> {
        while self.clock.now_ms() < until_ms {
            let control = self.control().await?;
            match &control.building {
                Some(building) => self.step(&control, building, swept).await?,
                None => break,
            }
        }
        Ok(())
    }

    async fn step(
        &self,
        control: &Control,
        building: &Building,
        swept: &mut Swept,
    ) -> Result<(), Unswept> {
        match &building.stage {
            Stage::Reading { position } => self.read_on(building, *position, swept).await,
            Stage::Carrying { after } => {
                Ok(self.carry_on(control, building, after.as_deref(), swept).await?)
            }
            Stage::Naming { shard } => Ok(self.name_on(control, building, *shard, swept).await?),
        }
    }

    /// Takes the next events of the log in.
    async fn read_on(
        &self,
        building: &Building,
        position: u64,
        swept: &mut Swept,
    ) -> Result<(), Unswept> {
        let entries = self.log.read(position, READ_LIMIT).await?;
        let Some(last) = entries.last() else {
            self.advance(building, Stage::Carrying { after: None }, 0).await?;
            return Ok(());
        };
        let (count, position) = (entries.len() as u64, last.position);
        let generation = self.generation(building.generation);
        for logged in &entries {
            match self.change_of(&logged.event).await {
                Ok(change) => take_newer(&generation, &change).await?,
                Err(Refused::Store(error)) => return Err(error.into()),
                Err(malformed) => {
                    eprintln!("order-history: skipped in the rebuild: {malformed:?}");
                    swept.events_malformed += 1;
                }
            }
        }
        swept.events_read += count;
        self.advance(building, Stage::Reading { position }, count).await?;
        Ok(())
    }

    /// Carries the next day over; after the last, names are next.
    async fn carry_on(
        &self,
        control: &Control,
        building: &Building,
        after: Option<&str>,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let (old, new) = (self.generation(control.serving), self.generation(building.generation));
        let days = old.days(Owner::Everybody).await?;
        let Some(day) = days.into_iter().find(|day| after.is_none_or(|after| **day > *after))
        else {
            return self.advance(building, Stage::Naming { shard: 0 }, 0).await;
        };
        for place in old.places(Owner::Everybody, &day).await? {
            if new.entry(&place.1).await?.is_none()
                && let Some(entry) = old.entry(&place.1).await?
            {
                new.take_newer(&entry).await?;
                swept.orders_carried += 1;
            }
        }
        self.advance(building, Stage::Carrying { after: Some(day) }, 0).await
    }

    /// Carries the names of the next shard over; after the last, the new generation serves.
    async fn name_on(
        &self,
        control: &Control,
        building: &Building,
        shard: u64,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        if shard >= NAME_SHARDS {
            swept.generations_switched += u64::from(self.switch(building).await?);
            return Ok(());
        }
        let names = self.generation(control.serving).names_in(shard).await?;
        self.generation(building.generation).take_names_in(shard, &names).await?;
        self.advance(building, Stage::Naming { shard: shard + 1 }, 0).await
    }

    /// Notes how far the rebuild has come, unless another sweep has noted something since.
    async fn advance(
        &self,
        building: &Building,
        stage: Stage,
        events: u64,
    ) -> Result<(), StoreError> {
        self.change(|control| {
            if control.building.as_ref() == Some(building) {
                let events = building.events + events;
                control.building =
                    Some(Building { stage: stage.clone(), events, ..building.clone() });
            }
        })
        .await
    }

    /// Lets the new generation serve; whether it was this call that did.
    async fn switch(&self, building: &Building) -> Result<bool, StoreError> {
        let now_ms = self.clock.now_ms();
        self.change(|control| {
            if control.building.as_ref() != Some(building) {
                return false;
            }
            control.retired.push(Retired { generation: control.serving, since_ms: now_ms });
            control.serving = building.generation;
            control.building = None;
            control.rebuilt_at_ms = Some(now_ms);
            true
        })
        .await
    }

    async fn remove_retired(&self, until_ms: u64, swept: &mut Swept) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        for retired in self.control().await?.retired {
            if now_ms.saturating_sub(retired.since_ms) < GRACE_MS {
                continue;
            }
            let generation = self.generation(retired.generation);
            while generation.remove_some().await? {
                if self.clock.now_ms() >= until_ms {
                    return Ok(());
                }
            }
            self.change(|control| control.retired.retain(|other| *other != retired)).await?;
            swept.generations_removed += 1;
        }
        Ok(())
    }

    async fn change<R: Send>(
        &self,
        change: impl Fn(&mut Control) -> R + Send + Sync,
    ) -> Result<R, StoreError> {
        let change = |control: Option<Control>| {
            let mut control = control.unwrap_or_default();
            let result = change(&mut control);
            Ok::<_, StoreError>((control, result))
        };
        self.store.update(CONTROL, change).await
    }
}
