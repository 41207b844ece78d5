//! Queries that run independently of the writer.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Result, Row, types::Type};

use super::operation::{HELD, Served};
use crate::{DeadLetter, Entry, Event, Reason, assignment, delivery::Work};

/// The maximum number of held events that are counted; there may be more.
const HELD_COUNT_MAX: i64 = 100_000;

/// The maximum size of the events in one answer, in bytes; a single event may be larger.
const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Events after a position, oldest first.
pub(super) fn entries(connection: &Connection, after: u64, limit: u32) -> Result<Vec<Entry>> {
    let sql = "SELECT position, recorded_at_ms, event, bytes FROM entries WHERE position > ?1 \
               ORDER BY position LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut rows = statement.query((after, limit))?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        bytes += unsigned(row, 3)?;
        if bytes > PAGE_BYTES_MAX && !page.is_empty() {
            break;
        }
        page.push(entry(row, 0)?);
    }
    Ok(page)
}

/// Dead letters of subscriptions that are served, oldest first.
pub(super) fn dead_letters(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<DeadLetter>> {
    let sql = "SELECT d.position, e.recorded_at_ms, e.event, e.bytes, d.number, s.name, d.reason, \
               d.detail, d.attempts, d.first_seen_at_ms, d.died_at_ms \
               FROM dead_letters d JOIN subscriptions s ON s.number = d.subscription \
               JOIN entries e ON e.position = d.position \
               WHERE d.number > ?1 AND s.left_at IS NULL ORDER BY d.number LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query((after, limit))?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        bytes += unsigned(row, 3)?;
        if bytes > PAGE_BYTES_MAX && !page.is_empty() {
            break;
        }
        page.push(DeadLetter {
            id: row.get::<_, i64>(4)?.to_string(),
            subscription: row.get(5)?,
            entry: entry(row, 0)?,
            reason: reason(&row.get::<_, String>(6)?),
            detail: row.get(7)?,
            attempts: row.get(8)?,
            first_seen_at_ms: unsigned(row, 9)?,
            died_at_ms: unsigned(row, 10)?,
        });
    }
    Ok(page)
}

/// When the oldest event with a pending row was appended.
pub(super) fn oldest_pending(connection: &Connection, number: i64) -> Result<Option<u64>> {
    let sql = "SELECT recorded_at_ms FROM entries WHERE position = \
               (SELECT min(position) FROM pending WHERE subscription = ?1)";
    let read = |row: &Row<'_>| unsigned(row, 0);
    connection.prepare_cached(sql)?.query_row([number], read).optional()
}

/// The number of events that wait for a dead letter of their key, up to [`HELD_COUNT_MAX`].
pub(super) fn held(connection: &Connection, number: i64) -> Result<u64> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM lanes l JOIN pending p \
               ON p.subscription = l.subscription AND p.key = l.key \
               WHERE l.subscription = ?1 AND l.due_at_ms = ?2 LIMIT ?3)";
    let read = |row: &Row<'_>| unsigned(row, 0);
    connection.prepare_cached(sql)?.query_row((number, HELD, HELD_COUNT_MAX), read)
}

/// The latest position, 0 before the first event.
pub(super) fn youngest_position(connection: &Connection) -> Result<i64> {
    connection.query_row("SELECT youngest FROM statistics", [], |row| row.get(0))
}

/// When the latest event was appended, 0 without events.
pub(super) fn recorded_at_ms(connection: &Connection) -> Result<u64> {
    let sql = "SELECT recorded_at_ms FROM entries ORDER BY position DESC LIMIT 1";
    let youngest = connection.query_row(sql, [], |row| unsigned(row, 0)).optional()?;
    Ok(youngest.unwrap_or_default())
}

/// Claims due keys among those with rows.
pub(super) struct Claim {
    pub(super) served: Served,
    pub(super) busy: HashSet<Arc<str>>,
    pub(super) limit: usize,
    pub(super) now_ms: u64,
    pub(super) bytes_max: usize,
}

/// The result of a claim.
pub(super) struct Found {
    pub(super) work: Vec<Work>,
    /// When the next key is due.
    pub(super) next_ms: Option<u64>,
    /// Whether no key was due, including busy ones.
    pub(super) idle: bool,
}

impl Claim {
    pub(super) fn run(&self, connection: &Connection) -> Result<Found> {
        let mut work = Vec::new();
        let (keys, idle) = self.due(connection)?;
        for key in keys {
            work.extend(self.next_of(connection, key)?);
        }
        let sql = "SELECT due_at_ms FROM lanes WHERE subscription = ?1 AND due_at_ms > ?2 \
                   AND due_at_ms < ?3 ORDER BY due_at_ms LIMIT 1";
        let next_ms = connection
            .prepare_cached(sql)?
            .query_row((self.served.number, self.now_ms.cast_signed(), HELD), |row| {
                unsigned(row, 0)
            })
            .optional()?;
        Ok(Found { work, next_ms, idle })
    }

    /// The keys that have been due longest, without those in delivery (which may be among the first
    /// rows), and whether no key was due at all.
    fn due(&self, connection: &Connection) -> Result<(Vec<Arc<str>>, bool)> {
        let sql = "SELECT key FROM lanes WHERE subscription = ?1 AND due_at_ms <= ?2 \
                   ORDER BY due_at_ms LIMIT ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = i64::try_from(self.limit + self.busy.len()).unwrap_or(i64::MAX);
        let parameters = (self.served.number, self.now_ms.cast_signed(), rows);
        let keys = statement.query_map(parameters, |row| row.get::<_, Arc<str>>(0))?;
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let idle = keys.is_empty();
        let free = keys.into_iter().filter(|key| !self.busy.contains(key));
        Ok((free.take(self.limit).collect(), idle))
    }

    /// The next events of a key, up to the batch size of its member or up to a dead letter.
    fn next_of(&self, connection: &Connection, key: Arc<str>) -> Result<Option<Work>> {
        let members = &self.served.subscription.members;
        let member = assignment::member_index(members, &key).map(|index| &members[index]);
        let events_max = member.map_or(1, |member| member.mode.events_max());
        let sql = "SELECT p.position, e.recorded_at_ms, e.event, e.bytes, p.turn, p.attempts, \
                   p.alone FROM pending p CROSS JOIN entries e ON e.position = p.position \
                   WHERE p.subscription = ?1 AND p.key = ?2 AND p.position < coalesce( \
                   (SELECT min(position) FROM dead_letters WHERE subscription = ?1 AND key = ?2), \
                   ?4) ORDER BY p.position LIMIT ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let parameters = (self.served.number, &*key, events_max as i64, i64::MAX);
        let mut rows = statement.query(parameters)?;
        let mut work = Work { key: Arc::clone(&key), entries: vec![], turns: vec![], attempts: 0 };
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let alone = row.get::<_, bool>(6)?;
            bytes += unsigned(row, 3)?;
            if !work.entries.is_empty() && (alone || bytes > self.bytes_max as u64) {
                break;
            }
            if work.entries.is_empty() {
                work.attempts = row.get(5)?;
            }
            work.entries.push(entry(row, 0)?);
            work.turns.push(unsigned(row, 4)?);
            if alone {
                break;
            }
        }
        Ok((!work.entries.is_empty()).then_some(work))
    }
}

/// An entry from three columns.
fn entry(row: &Row<'_>, first: usize) -> Result<Entry> {
    let json = row.get_ref(first + 2)?.as_str()?;
    let event = serde_json::from_str::<Event>(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(first + 2, Type::Text, Box::new(error))
    })?;
    let (position, recorded_at_ms) = (unsigned(row, first)?, unsigned(row, first + 1)?);
    Ok(Entry { position, recorded_at_ms, event })
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// The stored form of a reason.
pub(super) fn reason_text(reason: Reason) -> &'static str {
    match reason {
        Reason::Rejected => "rejected",
        Reason::AttemptsExhausted => "attempts-exhausted",
    }
}

fn reason(text: &str) -> Reason {
    if text == "rejected" { Reason::Rejected } else { Reason::AttemptsExhausted }
}
