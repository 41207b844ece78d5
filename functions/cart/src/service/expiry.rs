//! Guests' baskets by the day on which they run out, so that those that nobody comes back to
//! are deleted: stores can't list their keys, and most guests never return.
//!
//! Before a basket is created, its id is noted for the day on which it will run out. When that
//! day is over, a sweep looks at what was noted: a basket that is over is deleted, one that was
//! changed meanwhile is noted for its new day. So each note is looked at about once in a
//! basket's lifetime, and no basket is without one: a crash leaves a note that leads nowhere,
//! or two of the same basket.
//!
//! A sweep processes days from the oldest on, and the notes of a day in the order in which they
//! were written. Each sweep continues where the last one stopped. Carts of users are not swept.
//!
//! Any client can create guest carts, so there are at most [`GUEST_CARTS_MAX`] of them. They are
//! counted by their notes: a *census* has the number of notes for each day. A cart that was ordered
//! or deleted still counts until the sweep has passed its note. A crash can count a note that was
//! never written; this error disappears when its day is removed from the census.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::guests::guest_key;
use super::{Carts, Error};
use crate::domain::GuestCart;
use crate::ports::Products;

const DAY_MS: u64 = 86_400_000;
/// The sweep begins at this day, counted from the epoch: the first of January 2026. No note is
/// for an earlier one.
const FIRST_DAY: u64 = 20_454;
/// How long after the end of a day its notes are left alone, in milliseconds: by then each note
/// that was begun before is written.
const SETTLED_MS: u64 = 3_600_000;
/// The maximum number of guest carts. If all of them are full, they take 2.5 GiB of the 16 GiB of a
/// store.
pub const GUEST_CARTS_MAX: u64 = 250_000;
/// Notes that one sweep looks at, at most; the next goes on after them.
pub const SWEEP_NOTES_MAX: usize = 200;
/// Days that one sweep goes through, at most: most of them are empty at the very first.
const SWEEP_DAYS_MAX: usize = 1_000;
/// Where the sweep has come to.
const PROGRESS: &str = "guest_sweep";
/// The key of the census.
const CENSUS: &str = "guest_census";

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Notes that it looked at, at most [`SWEEP_NOTES_MAX`]; with as many, there are more.
    pub looked_at: usize,
    /// Baskets that it deleted.
    pub deleted: usize,
    /// Baskets that have more time.
    pub kept: usize,
}

/// The last note that was looked at; 0 before the first of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Progress {
    day: u64,
    place: u64,
}

impl Progress {
    /// Before the first note.
    const START: Progress = Progress { day: FIRST_DAY, place: 0 };
}

/// The number of notes for each day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Census {
    days: BTreeMap<u64, u64>,
}

impl Census {
    /// The number of notes that the sweep has not processed yet.
    fn ahead_of(&self, at: Progress) -> u64 {
        let looked_at = |day: u64| if day == at.day { at.place } else { 0 };
        let left = |(day, notes): (&u64, &u64)| notes.saturating_sub(looked_at(*day));
        self.days.range(at.day..).map(left).sum()
    }

    /// Whether it still counts days that the sweep has finished.
    fn is_outdated(&self, at: Progress) -> bool {
        self.days.range(..at.day).next().is_some()
    }
}

/// What became of a guest's basket.
enum Fate {
    Deleted,
    /// It is in use, or waited for, until then: milliseconds since the epoch.
    Kept(u64),
    Missing,
}

impl<S: Store, P: Products> Carts<S, P> {
    /// Notes that a guest cart expires at this time, if there are fewer than `notes_max` notes.
    pub(super) async fn note(
        &self,
        id: &str,
        expires_at_ms: u64,
        notes_max: u64,
    ) -> Result<(), Error> {
        let day = (expires_at_ms / DAY_MS).max(FIRST_DAY);
        self.count(day, notes_max).await?;
        let place = self.store.increment(&day_key(day), 1).await?.unsigned_abs();
        Ok(self.store.write(&note_key(day, place), &id).await?)
    }

    /// Counts a note that is about to be written for this day.
    async fn count(&self, day: u64, notes_max: u64) -> Result<(), Error> {
        let at = self.progress().await?;
        let count = |census: Option<Census>| {
            let mut census = census.unwrap_or_default();
            if census.ahead_of(at) >= notes_max {
                return Err(Error::GuestCartsFull { max: notes_max });
            }
            *census.days.entry(day).or_default() += 1;
            Ok((census, ()))
        };
        self.store.update(CENSUS, count).await
    }

    /// Removes days that the sweep has finished from the census.
    async fn forget_days_before(&self, at: Progress) -> Result<(), Error> {
        let known: Option<Census> = self.store.read(CENSUS).await?;
        if !known.is_some_and(|census| census.is_outdated(at)) {
            return Ok(());
        }
        let forget = |census: Option<Census>| {
            let mut census = census.unwrap_or_default();
            census.days = census.days.split_off(&at.day);
            Ok((census, ()))
        };
        self.store.update(CENSUS, forget).await
    }

    async fn progress(&self) -> Result<Progress, StoreError> {
        Ok(self.store.read(PROGRESS).await?.unwrap_or(Progress::START))
    }

    /// Delete guests' baskets that are over, a bounded number of them. Safe to repeat, also
    /// at the same time.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let now_ms = (self.now_ms)();
        let mut at = self.progress().await?;
        let mut swept = Swept::default();
        for _ in 0..SWEEP_DAYS_MAX {
            let settled = now_ms >= (at.day + 1).saturating_mul(DAY_MS).saturating_add(SETTLED_MS);
            if !settled || !self.sweep_day(&mut at, now_ms, &mut swept).await? {
                break;
            }
        }
        let advance =
            |known: Option<Progress>| Ok::<_, Error>((known.map_or(at, |known| known.max(at)), ()));
        self.store.update(PROGRESS, advance).await?;
        self.forget_days_before(at).await?;
        Ok(swept)
    }

    /// Looks at the notes of a day after `at`, and moves `at` along. Whether that was all.
    async fn sweep_day(
        &self,
        at: &mut Progress,
        now_ms: u64,
        swept: &mut Swept,
    ) -> Result<bool, Error> {
        let counter = day_key(at.day);
        // Reading a counter through `increment` would create it.
        if self.store.get(&counter).await?.is_some() {
            let last = self.store.increment(&counter, 0).await?.unsigned_abs();
            while at.place < last {
                if swept.looked_at >= SWEEP_NOTES_MAX {
                    return Ok(false);
                }
                self.look_at(Progress { place: at.place + 1, ..*at }, now_ms, swept).await?;
                at.place += 1;
                swept.looked_at += 1;
            }
            self.store.delete(&counter).await?;
        }
        *at = Progress { day: at.day + 1, place: 0 };
        Ok(true)
    }

    async fn look_at(&self, at: Progress, now_ms: u64, swept: &mut Swept) -> Result<(), Error> {
        let note = note_key(at.day, at.place);
        let Some(id) = self.store.read::<String>(&note).await? else { return Ok(()) };
        match self.delete_if_over(&id, now_ms).await {
            Ok(Fate::Deleted) => swept.deleted += 1,
            Ok(Fate::Kept(until_ms)) => {
                self.note(&id, until_ms, u64::MAX).await?;
                swept.kept += 1;
            }
            Ok(Fate::Missing) => {}
            // One value that can't be read must not keep all others.
            Err(Error::Store(error @ StoreError::Corrupt { .. })) => {
                eprintln!("cart: a guest's basket is left as it is: {error}");
            }
            Err(error) => return Err(error),
        }
        Ok(self.store.delete(&note).await?)
    }

    /// A basket is closed before it is deleted: a change that was begun in time then fails
    /// instead of being acknowledged and lost.
    async fn delete_if_over(&self, id: &str, now_ms: u64) -> Result<Fate, Error> {
        let retire = |guest: &mut GuestCart| Ok((guest.retire(now_ms), guest.expires_at_ms()));
        match self.update_guest(id, retire).await {
            Ok((false, until_ms)) => Ok(Fate::Kept(until_ms)),
            Ok((true, _)) => {
                self.store.delete(&guest_key(id)).await?;
                Ok(Fate::Deleted)
            }
            Err(Error::Gone) => Ok(Fate::Missing),
            Err(error) => Err(error),
        }
    }
}

/// How many notes there are of this day.
fn day_key(day: u64) -> String {
    format!("guest_day/{day}")
}

fn note_key(day: u64, place: u64) -> String {
    format!("guest_day/{day}/{place}")
}
