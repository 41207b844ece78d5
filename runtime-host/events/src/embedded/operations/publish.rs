//! Events come in.

use rusqlite::Result;

use crate::{
    Error, Event, Options, Published,
    embedded::operation::{Group, Operation},
};

pub(in crate::embedded) struct Publish {
    rows: Vec<Row>,
}

/// An event as it is written down, made up before the writer has to do with it.
struct Row {
    source: String,
    id: String,
    kind: String,
    key: String,
    json: String,
}

impl Publish {
    /// Checks all events before one is kept.
    pub(in crate::embedded) fn new(events: Vec<Event>, options: &Options) -> Result<Self, Error> {
        if events.len() > options.publish_events_max {
            let (count, count_max) = (events.len(), options.publish_events_max);
            let message = format!("{count} events at once; at most {count_max} are taken");
            return Err(Error::Invalid(message));
        }
        let rows = events.into_iter().map(|event| row(event, options));
        Ok(Self { rows: rows.collect::<Result<_, _>>()? })
    }

    pub(in crate::embedded) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn row(event: Event, options: &Options) -> Result<Row, Error> {
    let fail = |reason: String| {
        let shown: String = event.id.chars().take(64).collect();
        Error::Invalid(format!("the event `{shown}`: {reason}"))
    };
    event.check().map_err(|invalid| fail(invalid.to_string()))?;
    if event.data.len() > options.data_bytes_max {
        return Err(fail(format!("data: longer than {} bytes", options.data_bytes_max)));
    }
    let attributes_bytes = attributes_bytes(&event);
    if attributes_bytes > options.attributes_bytes_max {
        let bytes_max = options.attributes_bytes_max;
        return Err(fail(format!("attributes: longer than {bytes_max} bytes together")));
    }
    let json = serde_json::to_string(&event).map_err(|error| fail(error.to_string()))?;
    let key = event.partition_key().to_owned();
    Ok(Row { source: event.source, id: event.id, kind: event.kind, key, json })
}

fn attributes_bytes(event: &Event) -> usize {
    let named = [&event.id, &event.source, &event.kind].map(String::len);
    let optional = [&event.subject, &event.time, &event.data_content_type, &event.data_schema];
    let optional = optional.map(|text| text.as_ref().map_or(0, String::len));
    let extensions = event.extensions.iter().map(|(name, value)| name.len() + value.len());
    named.into_iter().chain(optional).chain(extensions).sum()
}

impl Operation for Publish {
    type Answer = Published;

    fn bytes(&self) -> usize {
        self.rows.iter().map(|row| row.json.len() + row.source.len() + row.id.len()).sum()
    }

    fn apply(&self, group: &mut Group<'_>) -> Result<Published> {
        group.recorded_at_ms = group.recorded_at_ms.max(group.now_ms);
        let mut published = Published::default();
        for row in &self.rows {
            if keep(group, row)? {
                published.fresh += 1;
            } else {
                published.duplicates += 1;
            }
        }
        Ok(published)
    }
}

/// Gives whether the event is new.
fn keep(group: &mut Group<'_>, row: &Row) -> Result<bool> {
    let sql = "INSERT OR IGNORE INTO entries (recorded_at_ms, bytes, source, id, kind, key, event) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let recorded_at_ms = group.recorded_at_ms.cast_signed();
    let bytes = row.json.len() as u64;
    let Row { source, id, kind, key, json } = row;
    let values = (recorded_at_ms, bytes.cast_signed(), source, id, kind, key, json);
    if group.execute(sql, values)? == 0 {
        return Ok(false);
    }
    let position = group.connection.last_insert_rowid();
    group.changes.statistics.entries += 1;
    group.changes.statistics.bytes += bytes;
    for (place, served) in group.served.iter().enumerate() {
        if served.subscription.wants(&row.kind) {
            let due_at_ms = group.now_ms.cast_signed();
            let pending = "INSERT INTO pending (subscription, key, position, due_at_ms) \
                           VALUES (?1, ?2, ?3, ?4)";
            group.execute(pending, (served.number, &row.key, position, due_at_ms))?;
            // The lane of a key that has one already is that of an earlier event.
            let lane = "INSERT OR IGNORE INTO lanes (subscription, key, due_at_ms) \
                        VALUES (?1, ?2, ?3)";
            group.execute(lane, (served.number, &row.key, due_at_ms))?;
            let counts = &mut group.changes.subscriptions[place];
            counts.pending += 1;
            counts.woken = true;
        }
    }
    Ok(true)
}
