//! Outcomes of deliveries.

use rusqlite::Result;
use tessera_sqlite::Operation;

use crate::{
    Reason,
    delivery::{Ending, Settlement},
    embedded::{milliseconds, operation::Group, queries::reason_text, writes::Writes},
};

/// Records an outcome. Events that were replayed or removed since the start of the delivery are not
/// changed.
pub(in crate::embedded) struct Settle {
    pub(in crate::embedded) settlement: Settlement,
}

impl Operation<Writes> for Settle {
    type Answer = ();

    fn bytes(&self) -> usize {
        let detail = match &self.settlement.ending {
            Ending::Dead { detail, .. } => detail.len(),
            Ending::Done | Ending::Retry { .. } => 0,
        };
        detail + self.settlement.key.len() + self.settlement.entries.len() * 16
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<()> {
        let Settlement { subscription: index, key, entries, .. } = &self.settlement;
        match &self.settlement.ending {
            Ending::Done => return self.finish(group),
            Ending::Retry { due_at_ms, counts } => {
                group.spill_key(*index, key)?;
                match *counts {
                    true => self.put_off(group, *due_at_ms)?,
                    false => self.postpone(group, *due_at_ms)?,
                }
            }
            Ending::Dead { reason, detail } => {
                group.spill_key(*index, key)?;
                if self.is_full(group)? {
                    let pause = milliseconds(group.options.backoff.retry_after_max);
                    self.put_off(group, group.now_ms.saturating_add(pause))?;
                } else if let Some(entry) = entries.first() {
                    self.bury(group, *entry, *reason, detail)?;
                }
            }
        }
        group.refresh_lane(*index, key)
    }
}

impl Settle {
    fn number(&self, group: &Group<'_>) -> i64 {
        group.served[self.settlement.subscription].number
    }

    /// Removes all events from the pending ones.
    fn finish(&self, group: &mut Group<'_>) -> Result<()> {
        let Settlement { subscription: index, key, entries, .. } = &self.settlement;
        let mut rows = false;
        for entry in entries {
            // In the tail, an event has only one turn.
            if entry.1 == 0 && group.close(*index, entry.0) {
                group.changes.subscriptions[*index].pending -= 1;
            } else {
                self.take(group, *entry)?;
                rows = true;
            }
        }
        if rows { group.refresh_lane(*index, key) } else { Ok(()) }
    }

    /// Removes the row of an event. Returns the time of its first delivery if there was a row.
    fn take(&self, group: &mut Group<'_>, (position, turn): (u64, u64)) -> Result<Option<u64>> {
        let sql = "DELETE FROM pending WHERE subscription = ?1 AND key = ?2 AND position = ?3 \
                   AND turn = ?4 RETURNING attempts, first_seen_at_ms";
        let key = &*self.settlement.key;
        let parameters = (self.number(group), key, position.cast_signed(), turn.cast_signed());
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, Option<i64>>(1)?));
        let Some((attempts, first_seen)) = group.row(sql, parameters, read)? else {
            return Ok(None);
        };
        let counts = &mut group.changes.subscriptions[self.settlement.subscription];
        counts.pending -= 1;
        counts.retrying -= i64::from(attempts > 0);
        Ok(Some(first_seen.map_or(self.settlement.began_at_ms, i64::cast_unsigned)))
    }

    /// Delays the first event. From now on, all of them are delivered one by one, even if there is
    /// only one: in a batch with later events, its last attempt would not be its last.
    fn put_off(&self, group: &mut Group<'_>, due_at_ms: u64) -> Result<()> {
        let Settlement { key, entries, began_at_ms, attempt, .. } = &self.settlement;
        let number = self.number(group);
        let is_retrying = "SELECT attempts > 0 FROM pending WHERE subscription = ?1 AND key = ?2 \
                           AND position = ?3 AND turn = ?4";
        for (index, (position, turn)) in entries.iter().enumerate() {
            let id = (number, &**key, position.cast_signed(), turn.cast_signed());
            let Some(was_retrying) = group.row(is_retrying, id, |row| row.get::<_, bool>(0))?
            else {
                continue;
            };
            if index == 0 {
                let sql = "UPDATE pending SET attempts = ?4, due_at_ms = ?5, alone = 1, \
                           first_seen_at_ms = coalesce(first_seen_at_ms, ?6) \
                           WHERE subscription = ?1 AND key = ?2 AND position = ?3";
                let (due, began) = (due_at_ms.cast_signed(), began_at_ms.cast_signed());
                group.execute(sql, (id.0, id.1, id.2, attempt, due, began))?;
                let counts = &mut group.changes.subscriptions[self.settlement.subscription];
                counts.retrying += i64::from(!was_retrying);
            } else {
                let sql = "UPDATE pending SET alone = 1, \
                           first_seen_at_ms = coalesce(first_seen_at_ms, ?4) \
                           WHERE subscription = ?1 AND key = ?2 AND position = ?3";
                group.execute(sql, (id.0, id.1, id.2, began_at_ms.cast_signed()))?;
            }
        }
        Ok(())
    }

    /// Delays the first event after a delivery that was not made. That counts as no attempt, and a
    /// batch stays one: single deliveries would be more calls for a component that has too many.
    fn postpone(&self, group: &Group<'_>, due_at_ms: u64) -> Result<()> {
        let Settlement { key, entries, .. } = &self.settlement;
        let Some((position, turn)) = entries.first() else { return Ok(()) };
        let sql = "UPDATE pending SET due_at_ms = ?5 WHERE subscription = ?1 AND key = ?2 \
                   AND position = ?3 AND turn = ?4";
        let id = (self.number(group), &**key, position.cast_signed(), turn.cast_signed());
        group.execute(sql, (id.0, id.1, id.2, id.3, due_at_ms.cast_signed()))?;
        Ok(())
    }

    /// Whether the maximum number of dead letters is reached. Further events stay pending
    /// instead.
    fn is_full(&self, group: &Group<'_>) -> Result<bool> {
        let count = "SELECT count(*) FROM (SELECT 1 FROM dead_letters WHERE subscription = ?1 \
                     LIMIT ?2)";
        let letters_max = i64::try_from(group.options.dead_letters_max).unwrap_or(i64::MAX);
        let kept =
            group.row(count, (self.number(group), letters_max), |row| row.get::<_, i64>(0))?;
        let full = kept.unwrap_or_default() >= letters_max;
        if full {
            let subscription = &group.served[self.settlement.subscription].subscription.name;
            tracing::error!(
                subscription,
                "events: too many dead letters; the event is retried instead"
            );
        }
        Ok(full)
    }

    /// Moves an event to the dead letters.
    fn bury(
        &self,
        group: &mut Group<'_>,
        entry: (u64, u64),
        reason: Reason,
        detail: &str,
    ) -> Result<()> {
        let Some(first_seen_at_ms) = self.take(group, entry)? else { return Ok(()) };
        let number = self.number(group);
        let sql = "INSERT INTO dead_letters (subscription, position, reason, detail, attempts, \
                   first_seen_at_ms, died_at_ms, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let times = (first_seen_at_ms.cast_signed(), group.now_ms.cast_signed());
        let (position, reason) = (entry.0.cast_signed(), reason_text(reason));
        let Settlement { attempt, key, .. } = &self.settlement;
        let row = (number, position, reason, detail, attempt, times.0, times.1, &**key);
        group.execute(sql, row)?;
        group.changes.subscriptions[self.settlement.subscription].dead += 1;
        Ok(())
    }
}
