//! Publication.

use std::sync::Arc;

use rusqlite::Result;
use tessera_sqlite::Operation;

use crate::{
    Error, Event, Options, Published,
    embedded::{operation::Group, tail::Fresh, writes::Writes},
};

pub(in crate::embedded) struct Publish {
    rows: Vec<Row>,
}

/// An event as it is stored, prepared before it is queued.
struct Row {
    event: Arc<Event>,
    key: Arc<str>,
    json: String,
}

impl Publish {
    /// Checks all events.
    pub(in crate::embedded) fn new(events: Vec<Event>, options: &Options) -> Result<Self, Error> {
        if events.len() > options.publish_events_max {
            let (count, count_max) = (events.len(), options.publish_events_max);
            let message = format!("{count} events in one publication; the maximum is {count_max}");
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
    let key = Arc::from(event.partition_key());
    Ok(Row { event: Arc::new(event), key, json })
}

fn attributes_bytes(event: &Event) -> usize {
    let named = [&event.id, &event.source, &event.kind].map(String::len);
    let optional = [&event.subject, &event.time, &event.data_content_type, &event.data_schema];
    let optional = optional.map(|text| text.as_ref().map_or(0, String::len));
    let extensions = event.extensions.iter().map(|(name, value)| name.len() + value.len());
    named.into_iter().chain(optional).chain(extensions).sum()
}

impl Operation<Writes> for Publish {
    type Answer = Published;

    fn bytes(&self) -> usize {
        // The event is in memory twice: as a value and as JSON.
        self.rows.iter().map(|row| 2 * row.json.len()).sum()
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

/// Appends an event. Returns whether it is new.
fn keep(group: &mut Group<'_>, row: &Row) -> Result<bool> {
    let sql = "INSERT OR IGNORE INTO entries \
               (position, recorded_at_ms, bytes, source, id, kind, key, event) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (position, recorded_at_ms) = (group.youngest + 1, group.recorded_at_ms);
    let bytes = row.json.len() as u64;
    let Row { event, key, json } = row;
    let numbers = [position, recorded_at_ms, bytes].map(u64::cast_signed);
    let [source, id, kind] = [&event.source, &event.id, &event.kind];
    let values = (numbers[0], numbers[1], numbers[2], source, id, kind, &**key, json);
    if group.execute(sql, values)? == 0 {
        return Ok(false);
    }
    group.youngest = position;
    group.changes.statistics.entries += 1;
    group.changes.statistics.bytes += bytes;
    let served = group.served;
    for (index, served) in served.iter().enumerate() {
        if served.subscription.wants(kind) {
            let (key, event) = (Arc::clone(key), Arc::clone(event));
            group.add(index, Fresh { position, recorded_at_ms, bytes, key, event })?;
        }
    }
    Ok(true)
}
