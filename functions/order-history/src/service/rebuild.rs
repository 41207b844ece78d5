//! Rebuilding the projection as a new generation, while the old one serves.
//!
//! A rebuild is a state in the control value. `/sweep` does its work in steps, which may be
//! interrupted or run twice at once: all writes can be repeated, and the progress is recorded by
//! compare-and-swap. First, the log is read to its end. Then, orders and names that only the old
//! generation has are copied, because the log does not keep events forever. Then the new generation
//! serves. The old one stays for a while, for requests that still read it, and is removed by later
//! sweeps.

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Building, CONTROL, Control, OrderHistory, ReceiveError, Retired, Stage, apply_newer};
use crate::ports::{EventLog, Unavailable};
use crate::records::{NAME_SHARDS, Owner};

/// The size of pages of the log, in events.
pub const READ_LIMIT: u32 = 100;
/// How long a sweep starts further steps, in milliseconds.
pub const SWEEP_MS: u64 = 8_000;
/// How long a generation stays after another one has replaced it, in milliseconds: longer than any
/// request that may still read or write it.
pub const GRACE_MS: u64 = 120_000;
/// The number of generations that wait for their removal from which on no rebuild starts.
const RETIRED_MAX: usize = 4;

/// The result of a request for a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// This generation is being built, since now or before.
    Building(u64),
    /// Too many older generations are not removed yet.
    TooManyGenerations,
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Events of the log that were read.
    pub events_read: u64,
    /// Of those, malformed events, which were skipped.
    pub events_malformed: u64,
    /// Orders without events in the log, which were copied.
    pub orders_carried: u64,
    /// Generations that were built and now serve.
    pub generations_switched: u64,
    /// Generations that were removed.
    pub generations_removed: u64,
}

/// Why a sweep ended early. Its finished steps are kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] Unavailable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store, L: EventLog, C: Timer> OrderHistory<S, L, C> {
    /// Starts a rebuild, unless one is already running.
    pub async fn rebuild(&self) -> Result<Started, StoreError> {
        let started_at_ms = self.clock.now_ms();
        self.change(|control| {
            if let Some(building) = &control.building {
                return Started::Building(building.generation);
            }
            if control.retired.len() >= RETIRED_MAX {
                return Started::TooManyGenerations;
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
    pub async fn sweep(&self) -> Result<SweepReport, SweepError> {
        let until_ms = self.clock.now_ms().saturating_add(SWEEP_MS);
        let mut report = SweepReport::default();
        let built = self.build(until_ms, &mut report).await;
        let removed = self.remove_retired(until_ms, &mut report).await;
        built?;
        removed?;
        Ok(report)
    }

    async fn build(&self, until_ms: u64, report: &mut SweepReport) -> Result<(), SweepError> {
        while self.clock.now_ms() < until_ms {
            let control = self.control().await?;
            match &control.building {
                Some(building) => self.step(&control, building, report).await?,
                None => break,
            }
        }
        Ok(())
    }

    async fn step(
        &self,
        control: &Control,
        building: &Building,
        report: &mut SweepReport,
    ) -> Result<(), SweepError> {
        match &building.stage {
            Stage::Reading { position } => self.read_log(building, *position, report).await,
            Stage::Carrying { after } => {
                Ok(self.copy_day(control, building, after.as_deref(), report).await?)
            }
            Stage::Naming { shard } => {
                Ok(self.copy_names(control, building, *shard, report).await?)
            }
        }
    }

    /// Applies the next events of the log.
    async fn read_log(
        &self,
        building: &Building,
        position: u64,
        report: &mut SweepReport,
    ) -> Result<(), SweepError> {
        let entries = self.log.read(position, READ_LIMIT).await?;
        let Some(last) = entries.last() else {
            self.advance(building, Stage::Carrying { after: None }, 0).await?;
            return Ok(());
        };
        let (count, position) = (entries.len() as u64, last.position);
        let generation = self.generation(building.generation);
        for logged in &entries {
            match self.change_of(&logged.event).await {
                Ok(change) => apply_newer(&generation, &change).await?,
                Err(ReceiveError::Store(error)) => return Err(error.into()),
                Err(malformed) => {
                    eprintln!("order-history: skipped in the rebuild: {malformed:?}");
                    report.events_malformed += 1;
                }
            }
        }
        report.events_read += count;
        self.advance(building, Stage::Reading { position }, count).await?;
        Ok(())
    }

    /// Copies missing orders of the next day. After the last day, names are next.
    async fn copy_day(
        &self,
        control: &Control,
        building: &Building,
        after: Option<&str>,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let (old, new) = (self.generation(control.serving), self.generation(building.generation));
        let days = old.days(Owner::All).await?;
        let Some(day) = days.into_iter().find(|day| after.is_none_or(|after| **day > *after))
        else {
            return self.advance(building, Stage::Naming { shard: 0 }, 0).await;
        };
        for key in old.sort_keys(Owner::All, &day).await? {
            if new.entry(&key.1).await?.is_none()
                && let Some(entry) = old.entry(&key.1).await?
            {
                new.apply_newer(&entry).await?;
                report.orders_carried += 1;
            }
        }
        self.advance(building, Stage::Carrying { after: Some(day) }, 0).await
    }

    /// Copies the names of the next shard. After the last one, the new generation serves.
    async fn copy_names(
        &self,
        control: &Control,
        building: &Building,
        shard: u64,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        if shard >= NAME_SHARDS {
            report.generations_switched += u64::from(self.switch(building).await?);
            return Ok(());
        }
        let names = self.generation(control.serving).names_in(shard).await?;
        self.generation(building.generation).merge_names(shard, &names).await?;
        self.advance(building, Stage::Naming { shard: shard + 1 }, 0).await
    }

    /// Records the progress, unless another sweep has recorded a later one.
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

    /// Makes the new generation serve. Returns whether this call did it.
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

    async fn remove_retired(
        &self,
        until_ms: u64,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
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
            report.generations_removed += 1;
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
