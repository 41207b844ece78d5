//! Reading events: unknown members of the data are ignored, missing ones are errors.

use super::Event;
use crate::clock::parse_rfc3339;
use serde::de::DeserializeOwned;

/// The maximum length of an id that becomes part of a key, in bytes.
const ID_BYTES_MAX: usize = 100;

/// An event of a known type without its form. It is malformed in each delivery.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} is malformed: {reason}")]
pub struct Malformed {
    /// The id of the event.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Malformed {
    /// This event is malformed for this reason.
    pub fn new(event: &Event, reason: impl ToString) -> Malformed {
        Malformed { id: event.id.clone(), reason: reason.to_string() }
    }
}

/// The data.
pub fn data<T: DeserializeOwned>(event: &Event) -> Result<T, Malformed> {
    serde_json::from_str(&event.data).map_err(|error| Malformed::new(event, error))
}

/// Checks that the event is about the subject with this id, as its data says.
pub fn check_subject(event: &Event, id: &str) -> Result<(), Malformed> {
    check_id(event, id)?;
    match event.subject.as_deref() {
        Some(subject) if subject == id => Ok(()),
        Some(subject) => Err(Malformed::new(event, format!("the subject {subject} is not {id}"))),
        None => Err(Malformed::new(event, "the subject is missing")),
    }
}

/// Checks that an id of the data is short enough to be part of a key.
pub fn check_id(event: &Event, id: &str) -> Result<(), Malformed> {
    let is_short = id.len() <= ID_BYTES_MAX;
    is_short.then_some(()).ok_or_else(|| Malformed::new(event, "an id is too long"))
}

/// The number of the event among those of its subject, from 1.
pub fn sequence(event: &Event) -> Result<u64, Malformed> {
    let sequence = event.sequence().filter(|sequence| *sequence > 0);
    sequence.ok_or_else(|| Malformed::new(event, "the sequence is missing"))
}

/// When the event happened, in milliseconds since the epoch.
pub fn at_ms(event: &Event) -> Result<u64, Malformed> {
    let time = event.time.as_deref().and_then(parse_rfc3339);
    time.ok_or_else(|| Malformed::new(event, "the time is missing"))
}
