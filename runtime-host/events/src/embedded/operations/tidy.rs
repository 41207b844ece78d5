//! Retention.

use rusqlite::Result;
use tessera_sqlite::Operation;

use crate::embedded::{milliseconds, operation::Group, writes::Writes};

/// The maximum number of events checked in one transaction.
const ENTRIES_MAX: usize = 500;

/// Removes the oldest events by the rules of retention. Returns whether there may be more.
pub(in crate::embedded) struct Tidy;

impl Operation<Writes> for Tidy {
    type Answer = bool;

    fn bytes(&self) -> usize {
        0
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<bool> {
        if over_hard_limit(group) {
            group.tidied_through = 0;
        }
        let candidates = candidates(group)?;
        let all = candidates.len() == ENTRIES_MAX;
        for candidate in candidates {
            if !is_surplus(group, &candidate) {
                group.tidied_through = 0;
                return Ok(false);
            }
            if over_hard_limit(group) || !is_held(group, &candidate)? {
                remove(group, &candidate)?;
            }
            group.tidied_through = candidate.position;
        }
        if !all {
            group.tidied_through = 0;
        }
        Ok(all)
    }
}

struct Candidate {
    position: i64,
    recorded_at_ms: u64,
    bytes: u64,
    key: String,
}

fn candidates(group: &Group<'_>) -> Result<Vec<Candidate>> {
    let sql = "SELECT position, recorded_at_ms, bytes, key FROM entries WHERE position > ?1 \
               ORDER BY position LIMIT ?2";
    let mut statement = group.connection.prepare_cached(sql)?;
    let rows = statement.query_map((group.tidied_through, ENTRIES_MAX as i64), |row| {
        Ok(Candidate {
            position: row.get(0)?,
            recorded_at_ms: row.get::<_, i64>(1)?.cast_unsigned(),
            bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            key: row.get(3)?,
        })
    })?;
    rows.collect()
}

fn over_hard_limit(group: &Group<'_>) -> bool {
    group.changes.statistics.bytes > group.options.hard_bytes_max
}

fn is_surplus(group: &Group<'_>, candidate: &Candidate) -> bool {
    let (options, statistics) = (group.options, &group.changes.statistics);
    let age_ms = group.now_ms.saturating_sub(candidate.recorded_at_ms);
    age_ms > milliseconds(options.retention_age_max)
        || statistics.bytes > options.retention_bytes_max.min(options.hard_bytes_max)
        || statistics.entries > options.retention_entries_max
}

/// Whether it is pending or a dead letter of a subscription that is served.
fn is_held(group: &Group<'_>, candidate: &Candidate) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pending WHERE subscription = ?1 AND position = ?2) \
               OR EXISTS (SELECT 1 FROM dead_letters WHERE subscription = ?1 AND position = ?2)";
    for (index, served) in group.served.iter().enumerate() {
        if group.is_in_tail(index, candidate.position.cast_unsigned()) {
            return Ok(true);
        }
        let id = (served.number, candidate.position);
        if group.row(sql, id, |row| row.get::<_, bool>(0))? == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes an event with all rows that refer to it.
fn remove(group: &mut Group<'_>, candidate: &Candidate) -> Result<()> {
    for index in 0..group.served.len() {
        if group.close(index, candidate.position.cast_unsigned()) {
            group.changes.subscriptions[index].pending -= 1;
            group.changes.subscriptions[index].woken = true;
            group.changes.statistics.lost_deliveries += 1;
        }
    }
    for number in subscriptions(group)? {
        let index = group.served.iter().position(|served| served.number == number);
        let sql = "DELETE FROM pending WHERE subscription = ?1 AND key = ?2 AND position = ?3 \
                   RETURNING attempts > 0";
        let id = (number, &candidate.key, candidate.position);
        let pending = group.row(sql, id, |row| row.get::<_, bool>(0))?;
        let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND position = ?2";
        let dead = group.execute(sql, (number, candidate.position))?;
        let Some(index) = index else { continue };

        let counts = &mut group.changes.subscriptions[index];
        counts.pending -= i64::from(pending.is_some());
        counts.retrying -= i64::from(pending == Some(true));
        counts.dead -= dead as i64;
        group.changes.statistics.lost_deliveries += u64::from(pending.is_some());
        group.changes.statistics.lost_dead_letters += dead as u64;
        if pending.is_some() || dead > 0 {
            group.refresh_lane(index, &candidate.key)?;
            group.changes.subscriptions[index].woken = true;
        }
    }
    group.execute("DELETE FROM entries WHERE position = ?1", [candidate.position])?;
    let statistics = &mut group.changes.statistics;
    statistics.entries = statistics.entries.saturating_sub(1);
    statistics.bytes = statistics.bytes.saturating_sub(candidate.bytes);
    statistics.removed += 1;
    Ok(())
}

/// The numbers of all subscriptions that ever existed.
fn subscriptions(group: &Group<'_>) -> Result<Vec<i64>> {
    let mut statement = group.connection.prepare_cached("SELECT number FROM subscriptions")?;
    statement.query_map([], |row| row.get(0))?.collect()
}
