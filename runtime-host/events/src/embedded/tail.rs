//! Recently published, pending events of a subscription, in memory: a subscriber that keeps up needs
//! hardly any work of the file.
//!
//! A pending event is either in the tail of its subscription or in a row of `pending`. All pending
//! events of a key are in the same one of the two; otherwise, their order would depend on which one
//! is read first. The tail needs no rows of its own: it has the matching events after the position
//! `seen` of the subscription, and those before it that its list `open` names. That is one row per
//! commit, regardless of the number of processed events. Only the writer changes a tail, after the
//! commit; claimed events stay in it until their outcome is durable.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{operation::Served, staged::Staged};
use crate::{Entry, Event, assignment, delivery::Work};

/// The maximum number of events in a tail. Beyond it, all of them are written to rows.
pub(super) const EVENTS_MAX: usize = 4_096;

/// The maximum size of the stored events in a tail, in bytes.
pub(super) const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// An event of a tail. Subscriptions share the event itself.
#[derive(Clone, Debug)]
pub(super) struct Fresh {
    pub(super) position: u64,
    pub(super) recorded_at_ms: u64,
    pub(super) bytes: u64,
    pub(super) key: Arc<str>,
    pub(super) event: Arc<Event>,
}

impl Fresh {
    fn entry(&self) -> Entry {
        let event = Event::clone(&self.event);
        Entry { position: self.position, recorded_at_ms: self.recorded_at_ms, event }
    }
}

/// The tail of one subscription.
#[derive(Default)]
pub(super) struct Tail(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    /// The keys of all events, by position.
    open: BTreeMap<u64, Arc<str>>,
    lanes: HashMap<Arc<str>, VecDeque<Fresh>>,
    /// The keys, by the position of their first event.
    heads: BTreeMap<u64, Arc<str>>,
    bytes: u64,
    /// `seen` in the file.
    seen: u64,
    rows: Rows,
}

/// Figures about the rows of `pending`, to avoid queries.
#[derive(Clone, Copy, Debug, Default)]
struct Rows {
    count: u64,
    /// Incremented by each commit that changes them.
    generation: u64,
    /// In this generation, no row is due before this time.
    idle: Option<(u64, u64)>,
}

/// The generation before a query for rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowsLook(u64);

impl Tail {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a query for due rows. The error means that no row can be due now, and is the time in
    /// milliseconds at which one will be due.
    pub(super) fn look_for_rows(&self, now_ms: u64) -> Result<RowsLook, Option<u64>> {
        let state = self.state();
        let rows = &state.rows;
        if rows.count == 0 {
            return Err(None);
        }
        match rows.idle {
            Some((generation, until_ms)) if generation == rows.generation && now_ms < until_ms => {
                Err((until_ms != u64::MAX).then_some(until_ms))
            }
            _ => Ok(RowsLook(rows.generation)),
        }
    }

    /// Records that the query has found no due row.
    pub(super) fn rows_are_idle(&self, look: RowsLook, until_ms: u64) {
        self.state().rows.idle = Some((look.0, until_ms));
    }

    /// The next events of up to `limit` keys that are not busy, those with the oldest events first.
    pub(super) fn next(
        &self,
        served: &Served,
        busy: &HashSet<Arc<str>>,
        limit: usize,
        bytes_max: usize,
    ) -> Vec<Work> {
        if limit == 0 {
            return Vec::new();
        }
        let state = self.state();
        let free = state.heads.values().filter(|key| !busy.contains(*key)).take(limit);
        let chosen = free.filter_map(|key| {
            let members = &served.subscription.members;
            let member = assignment::member_index(members, key).map(|index| &members[index]);
            let events_max = member.map_or(1, |member| member.mode.events_max());
            let mut bytes = 0;
            let fits = |(index, fresh): &(usize, &Fresh)| {
                bytes += fresh.bytes;
                *index == 0 || bytes <= bytes_max as u64
            };
            let lane = state.lanes.get(key)?.iter().take(events_max).enumerate();
            Some(lane.take_while(fits).map(|(_, fresh)| fresh.clone()).collect::<Vec<_>>())
        });
        let chosen = chosen.collect::<Vec<_>>();
        drop(state);
        let work = chosen.into_iter().filter_map(|events| {
            let key = Arc::clone(&events.first()?.key);
            let turns = vec![0; events.len()];
            let entries = events.iter().map(Fresh::entry).collect();
            Some(Work { key, entries, turns, attempts: 0 })
        });
        work.collect()
    }

    /// When its oldest event was appended.
    pub(super) fn oldest(&self) -> Option<u64> {
        let state = self.state();
        let key = state.heads.values().next()?;
        Some(state.lanes.get(key)?.front()?.recorded_at_ms)
    }

    /// Applies the changes of a commit. `pending` is the number of all pending events of the
    /// subscription.
    pub(super) fn apply(&self, staged: Staged, pending: u64, seen: Option<u64>) {
        let mut state = self.state();
        for position in staged.closed {
            state.close(position);
        }
        for fresh in staged.opened {
            state.open(fresh);
        }
        if let Some(seen) = seen {
            state.seen = seen;
        }
        state.rows.count = pending.saturating_sub(state.open.len() as u64);
        state.rows.generation += u64::from(staged.rows_changed);
    }
}

impl State {
    pub(super) fn contains(&self, position: u64) -> bool {
        self.open.contains_key(&position)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// The state before the first commit: all pending events are in rows.
    pub(super) fn begin(&mut self, seen: u64, rows: u64) {
        self.seen = seen;
        self.rows.count = rows;
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = u64> {
        self.open.keys().copied()
    }

    /// All events, by position.
    pub(super) fn all(&self) -> Vec<Fresh> {
        let mut all = self.lanes.values().flatten().cloned().collect::<Vec<_>>();
        all.sort_unstable_by_key(|fresh| fresh.position);
        all
    }

    /// The events of a key, by position.
    pub(super) fn of(&self, key: &str) -> Vec<Fresh> {
        self.lanes.get(key).into_iter().flatten().cloned().collect()
    }

    /// The size of an event in bytes; 0 if it is not in the tail.
    pub(super) fn bytes_of(&self, position: u64) -> u64 {
        let lane = self.open.get(&position).and_then(|key| self.lanes.get(key));
        let fresh = lane.and_then(|lane| lane.iter().find(|fresh| fresh.position == position));
        fresh.map_or(0, |fresh| fresh.bytes)
    }

    /// Appends an event. Its position is higher than all others.
    fn open(&mut self, fresh: Fresh) {
        let (position, key) = (fresh.position, Arc::clone(&fresh.key));
        self.bytes += fresh.bytes;
        self.open.insert(position, Arc::clone(&key));
        let lane = self.lanes.entry(Arc::clone(&key)).or_default();
        if lane.is_empty() {
            self.heads.insert(position, key);
        }
        lane.push_back(fresh);
    }

    fn close(&mut self, position: u64) {
        let Some(key) = self.open.remove(&position) else { return };
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        let index = lane.iter().position(|fresh| fresh.position == position);
        let removed = index.and_then(|index| lane.remove(index));
        self.bytes -= removed.map_or(0, |fresh| fresh.bytes);
        if self.heads.remove(&position).is_some()
            && let Some(first) = lane.front()
        {
            self.heads.insert(first.position, Arc::clone(&key));
        }
        if lane.is_empty() {
            self.lanes.remove(&key);
        }
    }
}
