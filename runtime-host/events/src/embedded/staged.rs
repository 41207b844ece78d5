//! What a transaction does to the tails, until it is committed or forgotten.

use std::{collections::HashSet, sync::Arc};

use rusqlite::Result;

use super::{
    meter::Changes,
    operation::Group,
    tail::{self, Fresh},
};

/// Events that a tail may be behind the log before the file is told: so many are looked at for
/// each subscription when the log is opened.
const UNSEEN_MAX: u64 = 1_024;

/// How the tail of one subscription will change.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// By position; all of them younger than what is in the tail.
    pub(super) opened: Vec<Fresh>,
    pub(super) closed: HashSet<u64>,
    pub(super) rows_changed: bool,
    opened_bytes: u64,
    closed_bytes: u64,
    /// The file has to be told what is in the tail.
    cursor_moved: bool,
}

impl Group<'_> {
    /// A subscription is to get an event that is new: through its tail, or as a row if the events
    /// of its key are there.
    pub(super) fn add(&mut self, place: usize, fresh: Fresh) -> Result<()> {
        self.changes.subscriptions[place].pending += 1;
        self.changes.subscriptions[place].woken = true;
        if (self.has_rows(place) || self.has_dead(place)) && self.has_lane(place, &fresh.key)? {
            self.staged[place].cursor_moved = true;
            // The lane is that of an earlier event, or of a dead letter that it has to wait for.
            return self.write_row(place, &fresh).map(drop);
        }
        let staged = &mut self.staged[place];
        staged.opened_bytes += fresh.bytes;
        staged.opened.push(fresh);
        let (count, bytes) = self.tail_size(place);
        if count > tail::EVENTS_MAX || bytes > tail::BYTES_MAX {
            self.spill_all(place)?;
        }
        Ok(())
    }

    /// Takes an event out of a tail; gives whether it was there.
    pub(super) fn close(&mut self, place: usize, position: u64) -> bool {
        if !self.is_in_tail(place, position) {
            return false;
        }
        let bytes = self.tails[place].state().bytes_of(position);
        let staged = &mut self.staged[place];
        if let Ok(found) = staged.opened.binary_search_by_key(&position, |fresh| fresh.position) {
            staged.opened_bytes -= staged.opened.remove(found).bytes;
        } else {
            staged.closed.insert(position);
            staged.closed_bytes += bytes;
        }
        staged.cursor_moved = true;
        true
    }

    pub(super) fn is_in_tail(&self, place: usize, position: u64) -> bool {
        let staged = &self.staged[place];
        let opened = || staged.opened.binary_search_by_key(&position, |fresh| fresh.position);
        (self.tails[place].state().contains(position) && !staged.closed.contains(&position))
            || opened().is_ok()
    }

    /// Writes all events of a key down that are in the tail: it needs what only rows have.
    pub(super) fn spill_key(&mut self, place: usize, key: &str) -> Result<()> {
        let mut events = self.tails[place].state().of(key);
        let opened = self.staged[place].opened.iter();
        events.extend(opened.filter(|fresh| &*fresh.key == key).cloned());
        self.spill(place, events)
    }

    /// Writes the whole tail down.
    pub(super) fn spill_all(&mut self, place: usize) -> Result<()> {
        let mut events = self.tails[place].state().all();
        events.append(&mut self.staged[place].opened.clone());
        self.spill(place, events)
    }

    fn spill(&mut self, place: usize, events: Vec<Fresh>) -> Result<()> {
        for fresh in events {
            if self.close(place, fresh.position) {
                self.write_down(place, &fresh)?;
            }
        }
        Ok(())
    }

    /// A row with its lane, where an event before it has made none.
    fn write_down(&mut self, place: usize, fresh: &Fresh) -> Result<()> {
        let due_at_ms = self.write_row(place, fresh)?;
        let lane = "INSERT OR IGNORE INTO lanes (subscription, key, due_at_ms) \
                    VALUES (?1, ?2, ?3)";
        let number = self.served[place].number;
        self.execute(lane, (number, &*fresh.key, due_at_ms)).map(drop)
    }

    /// Gives when it is due.
    fn write_row(&mut self, place: usize, fresh: &Fresh) -> Result<i64> {
        let number = self.served[place].number;
        let due_at_ms = fresh.recorded_at_ms.min(self.now_ms).cast_signed();
        let pending = "INSERT INTO pending (subscription, key, position, due_at_ms) \
                       VALUES (?1, ?2, ?3, ?4)";
        let position = fresh.position.cast_signed();
        self.execute(pending, (number, &*fresh.key, position, due_at_ms))?;
        self.staged[place].rows_changed = true;
        Ok(due_at_ms)
    }

    /// Has the subscription anything that is written down?
    fn has_rows(&self, place: usize) -> bool {
        // What is being added counts already, and is nowhere yet.
        let pending = self.pending(place).saturating_sub(1);
        pending > self.tail_size(place).0 as u64
    }

    /// Whether the subscription has a dead letter.
    fn has_dead(&self, place: usize) -> bool {
        let [_, _, before] = self.meter.read(place);
        before.saturating_add_signed(self.changes.subscriptions[place].dead) > 0
    }

    fn has_lane(&self, place: usize, key: &Arc<str>) -> Result<bool> {
        let sql = "SELECT 1 FROM lanes WHERE subscription = ?1 AND key = ?2";
        let lane = self.row(sql, (self.served[place].number, &**key), |_| Ok(()))?;
        Ok(lane.is_some())
    }

    /// Events and bytes that will be in a tail.
    fn tail_size(&self, place: usize) -> (usize, u64) {
        let (state, staged) = (self.tails[place].state(), &self.staged[place]);
        let count = state.len() + staged.opened.len() - staged.closed.len();
        (count, state.bytes() + staged.opened_bytes - staged.closed_bytes)
    }

    /// All that a subscription will have to get.
    fn pending(&self, place: usize) -> u64 {
        let [before, ..] = self.meter.read(place);
        before.saturating_add_signed(self.changes.subscriptions[place].pending)
    }

    /// Tells the file what is in the tails, where it cannot tell by itself.
    pub(super) fn write_cursors(&mut self) -> Result<()> {
        for place in 0..self.served.len() {
            let behind = self.youngest.saturating_sub(self.tails[place].state().seen());
            self.staged[place].cursor_moved |= behind > UNSEEN_MAX;
            if self.staged[place].cursor_moved {
                let open = self.open_positions(place);
                let sql = "UPDATE subscriptions SET seen = ?2, open = ?3 WHERE number = ?1";
                let (number, seen) = (self.served[place].number, self.youngest.cast_signed());
                self.execute(sql, (number, seen, encode(&open)))?;
            }
        }
        Ok(())
    }

    fn open_positions(&self, place: usize) -> Vec<u64> {
        let (state, staged) = (self.tails[place].state(), &self.staged[place]);
        let kept = state.positions().filter(|position| !staged.closed.contains(position));
        kept.chain(staged.opened.iter().map(|fresh| fresh.position)).collect()
    }

    /// What becomes true once this is committed.
    pub(super) fn into_commit(self) -> Commit {
        let pending = (0..self.served.len()).map(|place| self.pending(place)).collect();
        Commit {
            recorded_at_ms: self.recorded_at_ms,
            tidied_through: self.tidied_through,
            youngest: self.youngest,
            changes: self.changes,
            staged: self.staged,
            pending,
        }
    }
}

/// What becomes true with the commit.
pub(super) struct Commit {
    pub(super) recorded_at_ms: u64,
    pub(super) tidied_through: i64,
    pub(super) youngest: u64,
    pub(super) changes: Changes,
    staged: Vec<Staged>,
    /// Of each subscription, all that it has still to get.
    pending: Vec<u64>,
}

impl Commit {
    /// Lets the tails take over their part; gives the rest.
    pub(super) fn apply(self, tails: &[tail::Tail]) -> Changes {
        for ((staged, pending), tail) in self.staged.into_iter().zip(self.pending).zip(tails) {
            let seen = staged.cursor_moved.then_some(self.youngest);
            tail.apply(staged, pending, seen);
        }
        self.changes
    }
}

/// Ascending positions as their distances, each in as many groups of seven bits as it needs.
fn encode(positions: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(positions.len() + 8);
    let mut last = 0;
    for position in positions {
        let mut rest = position - last;
        while rest >= 0x80 {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        last = *position;
    }
    bytes
}

/// The positions of [`encode`].
pub(super) fn decode(bytes: &[u8]) -> Vec<u64> {
    let (mut positions, mut last, mut rest, mut shift) = (Vec::new(), 0_u64, 0_u64, 0);
    for byte in bytes {
        rest |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if byte & 0x80 == 0 {
            last = last.saturating_add(rest);
            positions.push(last);
            (rest, shift) = (0, 0);
        } else {
            shift += 7;
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_survive_their_encoding(positions: std::collections::BTreeSet<u64>) {
            let positions = positions.into_iter().collect::<Vec<_>>();
            prop_assert_eq!(decode(&encode(&positions)), positions);
        }
    }

    #[test]
    fn neighbours_take_one_byte_each() {
        assert_eq!(encode(&(1..=1_000).collect::<Vec<_>>()).len(), 1_000);
    }
}
