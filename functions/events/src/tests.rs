#![allow(clippy::unwrap_used)]
use tessera_events::Event;

/// The event of this number about a subject.
pub(crate) fn event(subject: &str, sequence: u64) -> Event {
    Event {
        id: format!("{subject}.{sequence}"),
        source: "/shop/test".to_owned(),
        kind: "com.shop.test.thing.changed.v1".to_owned(),
        subject: Some(subject.to_owned()),
        time: Some("2026-01-31T12:00:00.000Z".to_owned()),
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: [
            ("partitionkey".to_owned(), subject.to_owned()),
            ("sequence".to_owned(), sequence.to_string()),
        ]
        .into(),
        data: "{}".to_owned(),
    }
}
