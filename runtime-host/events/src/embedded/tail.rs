//! What a subscription has still to get and was published a moment ago: kept in memory, so that a
//! subscriber that keeps up costs the file next to nothing.
//!
//! An event is in exactly one place for a subscription that asks for it: in its tail, or written
//! down as a row of `pending`. All events of a key are in the same place, or else their order would
//! hang on which of the two is looked at first. The tail needs no row of its own because the file
//! tells it: it is everything after the position `seen` of the subscription that this wants, and
//! what its list `open` names before that. One row for each commit, however many events of the
//! tail are done in it. Only the writer changes a tail, after the commit; what is claimed stays in
//! it until the outcome is durable.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{operation::Served, staged::Staged};
use crate::{Entry, Event, assignment, delivery::Work};

/// Most events in a tail; beyond it all of them are written down as rows.
pub(super) const EVENTS_MAX: usize = 4_096;

/// Most bytes of events in a tail, as they are stored.
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
    /// By position, the keys of all events.
    open: BTreeMap<u64, Arc<str>>,
    lanes: HashMap<Arc<str>, VecDeque<Fresh>>,
    /// The keys by the position of their first event.
    heads: BTreeMap<u64, Arc<str>>,
    bytes: u64,
    /// As the file has it.
    seen: u64,
    rows: Rows,
}

/// What is known of the rows of `pending` without asking the file.
#[derive(Clone, Copy, Debug, Default)]
struct Rows {
    count: u64,
    /// Grows with each commit that changes them.
    generation: u64,
    /// In that generation nothing is due before this time.
    idle: Option<(u64, u64)>,
}

/// How a query for rows has to begin, for its answer to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowsLook(u64);

impl Tail {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if no row can be due now, with the time in milliseconds at which one will be.
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

    /// The rows have been looked at and nothing was due.
    pub(super) fn rows_are_idle(&self, look: RowsLook, until_ms: u64) {
        self.state().rows.idle = Some((look.0, until_ms));
    }

    /// The next events of up to `limit` keys, of those that have waited longest, none of them busy.
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
            let member = assignment::place(members, key).map(|place| &members[place]);
            let events_max = member.map_or(1, |member| member.mode.events_max());
            let mut bytes = 0;
            let fits = |(place, fresh): &(usize, &Fresh)| {
                bytes += fresh.bytes;
                *place == 0 || bytes <= bytes_max as u64
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

    /// When the oldest of its events was recorded.
    pub(super) fn oldest(&self) -> Option<u64> {
        let state = self.state();
        let key = state.heads.values().next()?;
        Some(state.lanes.get(key)?.front()?.recorded_at_ms)
    }

    /// Takes over what was committed. `pending` is all that the subscription has still to get.
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

    /// Before the first commit: nothing is in the tail, all in the rows.
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

    /// How many bytes an event has; 0 if it is not here.
    pub(super) fn bytes_of(&self, position: u64) -> u64 {
        let lane = self.open.get(&position).and_then(|key| self.lanes.get(key));
        let fresh = lane.and_then(|lane| lane.iter().find(|fresh| fresh.position == position));
        fresh.map_or(0, |fresh| fresh.bytes)
    }

    /// Positions only grow.
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
        let place = lane.iter().position(|fresh| fresh.position == position);
        let removed = place.and_then(|place| lane.remove(place));
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
