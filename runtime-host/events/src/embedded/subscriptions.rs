//! The update of the file to the current subscriptions, when the log is opened.

use std::{collections::BTreeSet, sync::Arc};

use rusqlite::{
    Connection, OptionalExtension, Result as SqliteResult, Transaction, TransactionBehavior,
};

use super::{
    meter::Counts,
    milliseconds,
    operation::{HELD, Served},
    queries, schema,
    staged::decode,
};
use crate::{Error, Options, Pattern, Result, StartAt, Statistics, Subscription};

pub(super) fn check(subscriptions: &[Subscription]) -> Result<()> {
    let mut names = BTreeSet::new();
    for subscription in subscriptions {
        subscription.check()?;
        if !names.insert(&subscription.name) {
            let name = &subscription.name;
            return Err(Error::Invalid(format!(
                "there are two subscriptions with the name `{name}`"
            )));
        }
    }
    Ok(())
}

/// A subscription in the file.
struct Known {
    number: i64,
    types: Vec<Pattern>,
    left_at: Option<i64>,
}

pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    subscriptions: Vec<Subscription>,
    options: &Options,
) -> SqliteResult<Vec<Served>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let youngest = queries::youngest_position(&transaction)?;
    let now_ms = options.clock.now_ms().cast_signed();
    let pause_max = options.backoff.max.max(options.backoff.retry_after_max);
    let pause_max_ms = milliseconds(pause_max).cast_signed();
    write_tails_to_rows(&transaction, youngest, now_ms)?;
    let names = subscriptions.iter().map(|subscription| subscription.name.as_str());
    let names = serde_json::to_string(&names.collect::<Vec<_>>()).unwrap_or_default();
    transaction.execute(
        "UPDATE subscriptions SET left_at = ?1 WHERE left_at IS NULL \
         AND name NOT IN (SELECT value FROM json_each(?2))",
        (youngest, names),
    )?;
    let mut served = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        let number = match known(&transaction, &subscription.name)? {
            Some(known) => {
                forget_future(&transaction, known.number, now_ms, pause_max_ms)?;
                resume(&transaction, &known, &subscription, now_ms)?
            }
            None => begin(&transaction, &subscription, now_ms)?,
        };
        served.push(Served { number, subscription: Arc::new(subscription) });
    }
    transaction.commit()?;
    Ok(served)
}

fn known(transaction: &Transaction<'_>, name: &str) -> SqliteResult<Option<Known>> {
    let sql = "SELECT number, types, left_at FROM subscriptions WHERE name = ?1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Known { number: row.get(0)?, types: patterns(row, 1)?, left_at: row.get(2)? })
    };
    transaction.query_row(sql, [name], read).optional()
}

fn patterns(row: &rusqlite::Row<'_>, column: usize) -> SqliteResult<Vec<Pattern>> {
    let types = serde_json::from_str::<Vec<String>>(&row.get::<_, String>(column)?);
    let types = types.unwrap_or_default();
    Ok(types.iter().filter_map(|text| Pattern::parse(text).ok()).collect())
}

/// Writes the tails of the previous opening to rows, by the types of that time. The following steps
/// only use rows, and the tails start empty.
fn write_tails_to_rows(
    transaction: &Transaction<'_>,
    youngest: i64,
    now_ms: i64,
) -> SqliteResult<()> {
    let sql = "SELECT number, types, seen, open FROM subscriptions WHERE left_at IS NULL";
    let mut subscriptions = transaction.prepare(sql)?;
    let mut rows = subscriptions.query([])?;
    let entries = "SELECT kind, key, position FROM entries WHERE position = ?1";
    let mut named = transaction.prepare(entries)?;
    let entries = "SELECT kind, key, position FROM entries WHERE position > ?1 ORDER BY position";
    let mut unseen = transaction.prepare(entries)?;
    while let Some(row) = rows.next()? {
        let (number, types) = (row.get(0)?, patterns(row, 1)?);
        let wanted = |kind: &str| types.iter().any(|pattern| pattern.matches(kind));
        for position in decode(row.get_ref(3)?.as_blob()?) {
            write_rows(
                transaction,
                number,
                now_ms,
                &mut named.query([position.cast_signed()])?,
                |_| true,
            )?;
        }
        let mut unseen = unseen.query([row.get::<_, i64>(2)?])?;
        write_rows(transaction, number, now_ms, &mut unseen, wanted)?;
    }
    let sql = "UPDATE subscriptions SET seen = ?1, open = x''";
    transaction.execute(sql, [youngest]).map(drop)
}

/// Writes rows for matching entries, oldest first.
fn write_rows(
    transaction: &Transaction<'_>,
    number: i64,
    now_ms: i64,
    entries: &mut rusqlite::Rows<'_>,
    wanted: impl Fn(&str) -> bool,
) -> SqliteResult<()> {
    let pending = "INSERT OR IGNORE INTO pending (subscription, key, position, due_at_ms) \
                   VALUES (?1, ?2, ?3, ?4)";
    let mut pending = transaction.prepare_cached(pending)?;
    // A key with older rows has a lane.
    let lane = "INSERT OR IGNORE INTO lanes (subscription, key, due_at_ms) VALUES (?1, ?2, ?3)";
    let mut lane = transaction.prepare_cached(lane)?;
    while let Some(row) = entries.next()? {
        if wanted(row.get_ref(0)?.as_str()?) {
            let key = row.get_ref(1)?.as_str()?;
            pending.execute((number, key, row.get::<_, i64>(2)?, now_ms))?;
            lane.execute((number, key, now_ms))?;
        }
    }
    Ok(())
}

/// Adds a new subscription.
fn begin(
    transaction: &Transaction<'_>,
    subscription: &Subscription,
    now_ms: i64,
) -> SqliteResult<i64> {
    let sql = "INSERT INTO subscriptions (name, types, seen) \
               SELECT ?1, ?2, youngest FROM statistics";
    transaction.execute(sql, (&subscription.name, types(subscription)))?;
    let number = transaction.last_insert_rowid();
    if subscription.start_at == StartAt::Start {
        add_past(transaction, number, now_ms, |_, kind| subscription.wants(kind))?;
    }
    rebuild_lanes(transaction, number)?;
    Ok(number)
}

/// Updates an existing subscription: adds missed events, and applies changed types.
fn resume(
    transaction: &Transaction<'_>,
    known: &Known,
    subscription: &Subscription,
    now_ms: i64,
) -> SqliteResult<i64> {
    let number = known.number;
    let changed = known.types != subscription.types;
    if !changed && known.left_at.is_none() {
        return Ok(number);
    }
    let sql = "UPDATE subscriptions SET types = ?2, left_at = NULL WHERE number = ?1";
    transaction.execute(sql, (number, types(subscription)))?;
    if changed {
        drop_unwanted(transaction, number, subscription)?;
    }
    let had = |kind: &str| known.types.iter().any(|pattern| pattern.matches(kind));
    let whole_past = subscription.start_at == StartAt::Start;
    add_past(transaction, number, now_ms, |position, kind| {
        let missed = known.left_at.is_some_and(|left_at| position > left_at);
        subscription.wants(kind) && (missed || (whole_past && !had(kind)))
    })?;
    rebuild_lanes(transaction, number)?;
    Ok(number)
}

/// Makes events due whose due time is too far in the future: those that were never delayed, and
/// those with a longer pause than the maximum. The clock was set back while the log was closed.
fn forget_future(
    transaction: &Transaction<'_>,
    number: i64,
    now_ms: i64,
    pause_max_ms: i64,
) -> SqliteResult<()> {
    let sql = "UPDATE pending SET due_at_ms = ?2 WHERE subscription = ?1 \
               AND ((attempts = 0 AND due_at_ms > ?2) OR due_at_ms > ?3) \
               AND key IN (SELECT key FROM lanes WHERE subscription = ?1 AND due_at_ms > ?2)";
    let horizon = now_ms.saturating_add(pause_max_ms);
    if transaction.execute(sql, (number, now_ms, horizon))? > 0 {
        rebuild_lanes(transaction, number)?;
    }
    Ok(())
}

fn types(subscription: &Subscription) -> String {
    let types = subscription.types.iter().map(Pattern::as_str).collect::<Vec<_>>();
    serde_json::to_string(&types).unwrap_or_default()
}

/// Reads the whole log, and adds rows for the matching events.
fn add_past(
    transaction: &Transaction<'_>,
    number: i64,
    now_ms: i64,
    wanted: impl Fn(i64, &str) -> bool,
) -> SqliteResult<()> {
    let insert = "INSERT OR IGNORE INTO pending (subscription, key, position, due_at_ms) \
                  SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS \
                  (SELECT 1 FROM dead_letters WHERE subscription = ?1 AND position = ?3)";
    let mut insert = transaction.prepare(insert)?;
    let mut entries = transaction.prepare("SELECT position, kind, key FROM entries")?;
    let mut rows = entries.query([])?;
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        if wanted(position, row.get_ref(1)?.as_str()?) {
            insert.execute((number, row.get_ref(2)?.as_str()?, position, now_ms))?;
        }
    }
    Ok(())
}

fn drop_unwanted(
    transaction: &Transaction<'_>,
    number: i64,
    subscription: &Subscription,
) -> SqliteResult<()> {
    let sql = "SELECT DISTINCT kind FROM pending JOIN entries USING (position) \
               WHERE subscription = ?1";
    let kinds = transaction
        .prepare(sql)?
        .query_map([number], |row| row.get::<_, String>(0))?
        .collect::<SqliteResult<Vec<_>>>()?;
    for kind in kinds.iter().filter(|kind| !subscription.wants(kind)) {
        let sql = "DELETE FROM pending WHERE subscription = ?1 AND position IN \
                   (SELECT position FROM entries WHERE kind = ?2)";
        transaction.execute(sql, (number, kind))?;
    }
    Ok(())
}

/// Computes the lanes of all subscriptions that ever existed.
pub(super) fn rebuild_all_lanes(connection: &Connection) -> SqliteResult<()> {
    let mut numbers = connection.prepare("SELECT number FROM subscriptions")?;
    let numbers = numbers.query_map([], |row| row.get(0))?.collect::<SqliteResult<Vec<i64>>>()?;
    numbers.into_iter().try_for_each(|number| rebuild_lanes(connection, number))
}

/// Computes the lanes of a subscription from its pending rows and its dead letters.
pub(super) fn rebuild_lanes(connection: &Connection, number: i64) -> SqliteResult<()> {
    connection.execute("DELETE FROM lanes WHERE subscription = ?1", [number])?;
    // With `min`, SQLite takes the other columns from the row that has the minimum.
    let sql = "INSERT INTO lanes (subscription, key, due_at_ms) \
               SELECT ?1, key, due_at_ms FROM (SELECT key, due_at_ms, min(position) \
               FROM pending WHERE subscription = ?1 GROUP BY key)";
    connection.execute(sql, [number])?;
    let sql = "INSERT INTO lanes (subscription, key, due_at_ms) \
               SELECT ?1, d.key, ?2 FROM (SELECT key, min(position) AS first \
               FROM dead_letters WHERE subscription = ?1 GROUP BY key) d \
               WHERE NOT EXISTS (SELECT 1 FROM pending p WHERE p.subscription = ?1 \
               AND p.key = d.key AND p.position < d.first) \
               ON CONFLICT (subscription, key) DO UPDATE SET due_at_ms = ?2";
    connection.execute(sql, (number, HELD)).map(drop)
}

/// Counts the rows of the file.
pub(super) fn figures(
    connection: &Connection,
    served: &[Served],
) -> SqliteResult<(Statistics, Vec<Counts>)> {
    let count =
        |sql: &str, number: i64| connection.query_row(sql, [number], |row| row.get::<_, i64>(0));
    let counts = served.iter().map(|served| {
        let number = served.number;
        let pending = "SELECT count(*) FROM pending WHERE subscription = ?1";
        let retrying = "SELECT count(*) FROM pending WHERE subscription = ?1 AND attempts > 0";
        let dead = "SELECT count(*) FROM dead_letters WHERE subscription = ?1";
        Ok(Counts {
            pending: count(pending, number)?,
            retrying: count(retrying, number)?,
            dead: count(dead, number)?,
            woken: true,
        })
    });
    let counts = counts.collect::<SqliteResult<Vec<_>>>()?;
    Ok((schema::read_statistics(connection)?, counts))
}
