//! What was delivered or given up is delivered once more.

use rusqlite::{Connection, Result};

use crate::embedded::{
    operation::{Group, Operation},
    subscriptions::rebuild_lanes,
};

/// A dead letter of a served subscription: the index of the subscription, the position and the key.
fn letter(group: &Group<'_>, number: i64) -> Result<Option<(usize, i64, String)>> {
    let sql = "SELECT subscription, position, key FROM dead_letters WHERE number = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    };
    let Some((subscription, position, key)) = group.row(sql, [number], read)? else {
        return Ok(None);
    };
    let place = group.served.iter().position(|served| served.number == subscription);
    Ok(place.map(|place| (place, position, key)))
}

/// Makes a dead letter pending again, like an event that was never delivered.
fn revive(group: &mut Group<'_>, place: usize, position: i64, key: &str) -> Result<()> {
    let number = group.served[place].number;
    let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND position = ?2";
    group.execute(sql, (number, position))?;
    let sql = "INSERT INTO pending (subscription, key, position, due_at_ms) \
               VALUES (?1, ?2, ?3, ?4)";
    group.execute(sql, (number, key, position, group.now_ms.cast_signed()))?;
    let counts = &mut group.changes.subscriptions[place];
    counts.dead -= 1;
    counts.pending += 1;
    counts.woken = true;
    Ok(())
}

/// Replays all dead letters of a key. Returns the number of pending events of the key, or `None` if
/// it has no dead letter.
pub(in crate::embedded) struct ReplayKey {
    pub(in crate::embedded) place: usize,
    pub(in crate::embedded) key: String,
}

impl Operation for ReplayKey {
    type Answer = Option<u64>;

    fn bytes(&self) -> usize {
        self.key.len()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<Option<u64>> {
        let (place, number, key) = (self.place, group.served[self.place].number, &self.key);
        let sql = "SELECT position FROM dead_letters WHERE subscription = ?1 AND key = ?2";
        let positions = {
            let mut statement = group.connection.prepare_cached(sql)?;
            let rows = statement.query_map((number, key), |row| row.get(0))?;
            rows.collect::<Result<Vec<i64>>>()?
        };
        if positions.is_empty() {
            return Ok(None);
        }
        for position in positions {
            revive(group, place, position, key)?;
        }
        group.refresh_lane(place, key)?;
        let sql = "SELECT count(*) FROM pending WHERE subscription = ?1 AND key = ?2";
        let count = group.row(sql, (number, key), |row| row.get::<_, i64>(0))?;
        Ok(count.map(i64::cast_unsigned))
    }
}

/// Discards a dead letter of a served subscription. Returns whether it existed.
pub(in crate::embedded) struct Discard {
    pub(in crate::embedded) number: i64,
}

impl Operation for Discard {
    type Answer = bool;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<bool> {
        let Some((place, _, key)) = letter(group, self.number)? else { return Ok(false) };
        group.execute("DELETE FROM dead_letters WHERE number = ?1", [self.number])?;
        let counts = &mut group.changes.subscriptions[place];
        counts.dead -= 1;
        counts.woken = true;
        group.refresh_lane(place, &key)?;
        Ok(true)
    }
}

/// Replays a dead letter of a served subscription. Returns whether it existed.
pub(in crate::embedded) struct Replay {
    pub(in crate::embedded) number: i64,
}

impl Operation for Replay {
    type Answer = bool;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<bool> {
        let Some((place, position, key)) = letter(group, self.number)? else { return Ok(false) };
        group.spill_key(place, &key)?;
        revive(group, place, position, &key)?;
        group.refresh_lane(place, &key)?;
        Ok(true)
    }
}

/// Gives a subscription once more what it asks for of a span of time; gives how many events.
///
/// In one transaction, or else the younger events of a key could be delivered between two older
/// ones. Everything else waits meanwhile: about a second for 200,000 events.
pub(in crate::embedded) struct ReplayRange {
    pub(in crate::embedded) place: usize,
    pub(in crate::embedded) from_ms: u64,
    pub(in crate::embedded) until_ms: u64,
}

impl Operation for ReplayRange {
    type Answer = u64;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<u64> {
        group.spill_all(self.place)?;
        let served = group.served[self.place].clone();
        let connection = group.connection;
        let span = [self.from_ms, self.until_ms];
        let [from, until] = span.map(|ms| first_recorded(connection, ms));
        let sql = "SELECT position, kind, key FROM entries \
                   WHERE position >= ?1 AND position < ?2 ORDER BY position";
        let mut entries = connection.prepare_cached(sql)?;
        let mut rows = entries.query([from?, until?])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if served.subscription.wants(row.get_ref(1)?.as_str()?) {
                self.repeat(group, row.get(0)?, row.get_ref(2)?.as_str()?)?;
                count += 1;
            }
        }
        if count > 0 {
            rebuild_lanes(connection, served.number)?;
            group.staged[self.place].rows_changed = true;
            group.changes.subscriptions[self.place].woken = true;
        }
        Ok(count)
    }
}

/// The position of the first event that was recorded at a time or after it, else one after all.
/// Later positions were never recorded earlier, so that the time needs no index.
fn first_recorded(connection: &Connection, at_ms: u64) -> Result<i64> {
    // One by one, as only then SQLite looks at the ends alone.
    let ends = "SELECT coalesce((SELECT min(position) FROM entries), 1), \
                coalesce((SELECT max(position) FROM entries), 0) + 1";
    let ends = connection.prepare_cached(ends)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
    let (mut low, mut high): (i64, i64) = ends?;
    let sql = "SELECT position, recorded_at_ms FROM entries WHERE position >= ?1 \
               ORDER BY position LIMIT 1";
    let mut probe = connection.prepare_cached(sql)?;
    while low < high {
        let middle = low + (high - low) / 2;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (position, recorded_at_ms) = probe.query_row([middle], read)?;
        if recorded_at_ms.cast_unsigned() < at_ms {
            low = position + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

impl ReplayRange {
    fn repeat(&self, group: &mut Group<'_>, position: i64, key: &str) -> Result<()> {
        let number = group.served[self.place].number;
        let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND position = ?2";
        let dead = group.execute(sql, (number, position))?;
        let sql = "SELECT attempts > 0 FROM pending WHERE subscription = ?1 AND key = ?2 \
                   AND position = ?3";
        let pending = group.row(sql, (number, key, position), |row| row.get::<_, bool>(0))?;
        // Another turn: a delivery that is at work meanwhile is not the one that was asked for.
        let sql = "INSERT INTO pending (subscription, key, position, due_at_ms) \
                   VALUES (?1, ?2, ?3, ?4) ON CONFLICT (subscription, key, position) DO UPDATE SET \
                   turn = turn + 1, attempts = 0, first_seen_at_ms = NULL, due_at_ms = ?4, \
                   alone = 0";
        group.execute(sql, (number, key, position, group.now_ms.cast_signed()))?;
        let counts = &mut group.changes.subscriptions[self.place];
        counts.dead -= dead as i64;
        counts.pending += i64::from(pending.is_none());
        counts.retrying -= i64::from(pending == Some(true));
        Ok(())
    }
}
