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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(subject: Option<&str>) -> Event {
        Event {
            id: "1".to_owned(),
            source: "/orders".to_owned(),
            kind: "com.shop.test.v1".to_owned(),
            subject: subject.map(ToOwned::to_owned),
            time: None,
            data_content_type: None,
            data_schema: None,
            extensions: std::collections::BTreeMap::new(),
            data: r#"{"order_id": "7", "unknown": true}"#.to_owned(),
        }
    }

    #[test]
    fn an_event_is_about_the_subject_that_its_data_names() {
        assert_eq!(check_subject(&event(Some("7")), "7"), Ok(()));
        let reason = |event: &Event, id: &str| check_subject(event, id).unwrap_err().reason;
        assert_eq!(reason(&event(Some("8")), "7"), "the subject 8 is not 7");
        assert_eq!(reason(&event(None), "7"), "the subject is missing");
        let long = "7".repeat(ID_BYTES_MAX + 1);
        assert_eq!(reason(&event(Some(&long)), &long), "an id is too long");
    }

    #[test]
    fn unknown_members_of_the_data_are_ignored_and_missing_ones_are_errors() {
        #[derive(serde::Deserialize)]
        struct Placed {
            order_id: String,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Paid {
            #[expect(dead_code, reason = "it is missing")]
            amount: u64,
        }
        assert_eq!(data::<Placed>(&event(None)).unwrap().order_id, "7");
        let malformed = data::<Paid>(&event(None)).unwrap_err();
        assert!(malformed.reason.contains("missing field `amount`"), "{malformed}");
    }

    #[test]
    fn sequences_count_from_one_and_times_are_required() {
        let numbered = |number: &str| {
            let extensions = [("sequence".to_owned(), number.to_owned())].into();
            sequence(&Event { extensions, ..event(None) })
        };
        assert_eq!(numbered("3"), Ok(3));
        for number in ["0", "-1", "three"] {
            assert_eq!(numbered(number).unwrap_err().reason, "the sequence is missing");
        }
        let timed = |time: &str| at_ms(&Event { time: Some(time.to_owned()), ..event(None) });
        assert_eq!(timed("1970-01-01T00:00:01.5Z"), Ok(1_500));
        assert_eq!(timed("yesterday").unwrap_err().reason, "the time is missing");
        assert_eq!(at_ms(&event(None)).unwrap_err().reason, "the time is missing");
    }
}
