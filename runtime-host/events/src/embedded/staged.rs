//! The changes of the tails in a transaction, until it is committed or rolled back.

use std::{collections::HashSet, sync::Arc};

use rusqlite::Result;

use super::{
    meter::Changes,
    operation::Group,
    tail::{self, Fresh},
};

/// The number of positions by which `seen` may be behind the log. When the log is opened, up to this
/// many events are read per subscription.
const UNSEEN_MAX: u64 = 1_024;

/// The changes of the tail of one subscription.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// By position, all of them later than those in the tail.
    pub(super) opened: Vec<Fresh>,
    pub(super) closed: HashSet<u64>,
    pub(super) rows_changed: bool,
    opened_bytes: u64,
    closed_bytes: u64,
    /// Whether `seen` and `open` have to be written.
    cursor_moved: bool,
}

impl Group<'_> {
    /// Adds a new event to the tail of a subscription, or as a row if the events of its key are in
    /// rows.
    pub(super) fn add(&mut self, index: usize, fresh: Fresh) -> Result<()> {
        self.changes.subscriptions[index].pending += 1;
        self.changes.subscriptions[index].woken = true;
        if (self.has_rows(index) || self.has_dead(index)) && self.has_lane(index, &fresh.key)? {
            self.staged[index].cursor_moved = true;
            // The lane is due to an earlier event or to a dead letter, which it has to wait for.
            return self.write_row(index, &fresh).map(drop);
        }
        let staged = &mut self.staged[index];
        staged.opened_bytes += fresh.bytes;
        staged.opened.push(fresh);
        let (count, bytes) = self.tail_size(index);
        if count > tail::EVENTS_MAX || bytes > tail::BYTES_MAX {
            self.spill_all(index)?;
        }
        Ok(())
    }

    /// Removes an event from a tail. Returns whether it was there.
    pub(super) fn close(&mut self, index: usize, position: u64) -> bool {
        if !self.is_in_tail(index, position) {
            return false;
        }
        let bytes = self.tails[index].state().bytes_of(position);
        let staged = &mut self.staged[index];
        if let Ok(found) = staged.opened.binary_search_by_key(&position, |fresh| fresh.position) {
            staged.opened_bytes -= staged.opened.remove(found).bytes;
        } else {
            staged.closed.insert(position);
            staged.closed_bytes += bytes;
        }
        staged.cursor_moved = true;
        true
    }

    pub(super) fn is_in_tail(&self, index: usize, position: u64) -> bool {
        let staged = &self.staged[index];
        let opened = || staged.opened.binary_search_by_key(&position, |fresh| fresh.position);
        (self.tails[index].state().contains(position) && !staged.closed.contains(&position))
            || opened().is_ok()
    }

    /// Moves all events of a key from the tail to rows, which have a due time.
    pub(super) fn spill_key(&mut self, index: usize, key: &str) -> Result<()> {
        let mut events = self.tails[index].state().of(key);
        let opened = self.staged[index].opened.iter();
        events.extend(opened.filter(|fresh| &*fresh.key == key).cloned());
        self.spill(index, events)
    }

    /// Moves the whole tail to rows.
    pub(super) fn spill_all(&mut self, index: usize) -> Result<()> {
        let mut events = self.tails[index].state().all();
        events.append(&mut self.staged[index].opened.clone());
        self.spill(index, events)
    }

    fn spill(&mut self, index: usize, events: Vec<Fresh>) -> Result<()> {
        for fresh in events {
            if self.close(index, fresh.position) {
                self.write_row_with_lane(index, &fresh)?;
            }
        }
        Ok(())
    }

    /// Writes a row, and its lane unless an earlier event has one.
    fn write_row_with_lane(&mut self, index: usize, fresh: &Fresh) -> Result<()> {
        let due_at_ms = self.write_row(index, fresh)?;
        let lane = "INSERT OR IGNORE INTO lanes (subscription, key, due_at_ms) \
                    VALUES (?1, ?2, ?3)";
        let number = self.served[index].number;
        self.execute(lane, (number, &*fresh.key, due_at_ms)).map(drop)
    }

    /// Returns the due time.
    fn write_row(&mut self, index: usize, fresh: &Fresh) -> Result<i64> {
        let number = self.served[index].number;
        let due_at_ms = fresh.recorded_at_ms.min(self.now_ms).cast_signed();
        let pending = "INSERT INTO pending (subscription, key, position, due_at_ms) \
                       VALUES (?1, ?2, ?3, ?4)";
        let position = fresh.position.cast_signed();
        self.execute(pending, (number, &*fresh.key, position, due_at_ms))?;
        self.staged[index].rows_changed = true;
        Ok(due_at_ms)
    }

    /// Whether the subscription has pending rows.
    fn has_rows(&self, index: usize) -> bool {
        // The event that is being added is counted already, but is in neither of the two.
        let pending = self.pending(index).saturating_sub(1);
        pending > self.tail_size(index).0 as u64
    }

    /// Whether the subscription has a dead letter.
    fn has_dead(&self, index: usize) -> bool {
        let [_, _, before] = self.meter.read(index);
        before.saturating_add_signed(self.changes.subscriptions[index].dead) > 0
    }

    fn has_lane(&self, index: usize, key: &Arc<str>) -> Result<bool> {
        let sql = "SELECT 1 FROM lanes WHERE subscription = ?1 AND key = ?2";
        let lane = self.row(sql, (self.served[index].number, &**key), |_| Ok(()))?;
        Ok(lane.is_some())
    }

    /// The numbers of events and bytes of a tail after the commit.
    fn tail_size(&self, index: usize) -> (usize, u64) {
        let (state, staged) = (self.tails[index].state(), &self.staged[index]);
        let count = state.len() + staged.opened.len() - staged.closed.len();
        (count, state.bytes() + staged.opened_bytes - staged.closed_bytes)
    }

    /// The number of pending events of a subscription after the commit.
    fn pending(&self, index: usize) -> u64 {
        let [before, ..] = self.meter.read(index);
        before.saturating_add_signed(self.changes.subscriptions[index].pending)
    }

    /// Writes `seen` and `open` of the subscriptions whose tails differ from them.
    pub(super) fn write_cursors(&mut self) -> Result<()> {
        for index in 0..self.served.len() {
            let behind = self.youngest.saturating_sub(self.tails[index].state().seen());
            self.staged[index].cursor_moved |= behind > UNSEEN_MAX;
            if self.staged[index].cursor_moved {
                let open = self.open_positions(index);
                let sql = "UPDATE subscriptions SET seen = ?2, open = ?3 WHERE number = ?1";
                let (number, seen) = (self.served[index].number, self.youngest.cast_signed());
                self.execute(sql, (number, seen, encode(&open)))?;
            }
        }
        Ok(())
    }

    fn open_positions(&self, index: usize) -> Vec<u64> {
        let (state, staged) = (self.tails[index].state(), &self.staged[index]);
        let kept = state.positions().filter(|position| !staged.closed.contains(position));
        kept.chain(staged.opened.iter().map(|fresh| fresh.position)).collect()
    }

    /// What takes effect with the commit.
    pub(super) fn into_commit(self) -> Commit {
        let pending = (0..self.served.len()).map(|index| self.pending(index)).collect();
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

/// What takes effect in memory with the commit.
pub(super) struct Commit {
    pub(super) recorded_at_ms: u64,
    pub(super) tidied_through: i64,
    pub(super) youngest: u64,
    pub(super) changes: Changes,
    staged: Vec<Staged>,
    /// The number of pending events of each subscription.
    pending: Vec<u64>,
}

impl Commit {
    /// Applies the changes to the tails. Returns those of the figures.
    pub(super) fn apply(self, tails: &[tail::Tail]) -> Changes {
        for ((staged, pending), tail) in self.staged.into_iter().zip(self.pending).zip(tails) {
            let seen = staged.cursor_moved.then_some(self.youngest);
            tail.apply(staged, pending, seen);
        }
        self.changes
    }
}

/// Encodes ascending positions as distances, in groups of seven bits.
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

/// Decodes the positions of [`encode`].
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
    fn adjacent_positions_take_one_byte_each() {
        assert_eq!(encode(&(1..=1_000).collect::<Vec<_>>()).len(), 1_000);
    }
}
