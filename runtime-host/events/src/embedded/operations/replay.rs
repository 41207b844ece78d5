//! What was delivered or given up is delivered once more.

use rusqlite::Result;

use crate::embedded::{
    operation::{Group, Operation},
    subscriptions::rebuild_lanes,
};

/// Brings back a dead letter of a subscription that is served; gives whether it was there.
pub(in crate::embedded) struct Replay {
    pub(in crate::embedded) number: i64,
}

impl Operation for Replay {
    type Answer = bool;

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<bool> {
        let sql = "SELECT d.subscription, d.position, e.key FROM dead_letters d \
                   JOIN entries e ON e.position = d.position WHERE d.number = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
        };
        let Some((number, position, key)) = group.row(sql, [self.number], read)? else {
            return Ok(false);
        };
        let place = group.served.iter().position(|served| served.number == number);
        let Some(place) = place else { return Ok(false) };
        group.execute("DELETE FROM dead_letters WHERE number = ?1", [self.number])?;
        let sql = "INSERT INTO pending (subscription, key, position, due_at_ms) \
                   VALUES (?1, ?2, ?3, ?4)";
        group.execute(sql, (number, &key, position, group.now_ms.cast_signed()))?;
        let counts = &mut group.changes.subscriptions[place];
        counts.dead -= 1;
        counts.pending += 1;
        counts.woken = true;
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
        let served = group.served[self.place].clone();
        let connection = group.connection;
        let sql = "SELECT position, kind, key FROM entries \
                   WHERE recorded_at_ms >= ?1 AND recorded_at_ms < ?2 ORDER BY recorded_at_ms";
        let mut entries = connection.prepare_cached(sql)?;
        let span = [self.from_ms, self.until_ms].map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let mut rows = entries.query(span)?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            if served.subscription.wants(row.get_ref(1)?.as_str()?) {
                self.repeat(group, row.get(0)?, row.get_ref(2)?.as_str()?)?;
                count += 1;
            }
        }
        if count > 0 {
            rebuild_lanes(connection, served.number)?;
            group.changes.subscriptions[self.place].woken = true;
        }
        Ok(count)
    }
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
