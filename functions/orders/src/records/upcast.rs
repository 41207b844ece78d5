//! Reading stored events of any version.
//!
//! Stored events are never changed, except that a customer may be erased from the first one. Each
//! one contains the version of its format (`v`; the first version had none) and is converted to the
//! current format when it is read, one version after the other. Events of later versions are
//! rejected, since this code would lose data that it does not know.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::domain::Recorded;
use crate::domain::event::SCHEMA;

/// Steps of version 1 with their compensations, latest first.
const UNDOS_V1: [(&str, &str); 4] = [
    ("ship", "cancel_shipment"),
    ("commit", "take_back"),
    ("authorize", "cancel_payment"),
    ("reserve", "release"),
];

/// Reads the events of one order, oldest first. Data that an old event lacks is derived from the
/// events before it.
#[derive(Default)]
pub(super) struct Reader {
    /// Steps that are started and not done, of version 1.
    open: Vec<String>,
    /// Steps that were started, of version 1.
    started: Vec<String>,
    /// Finished compensations, of version 1.
    undone: Vec<String>,
    /// Whether the saga compensates its steps.
    backward: bool,
}

impl Reader {
    /// The event in the current format. The error says why it can't be converted.
    pub(super) fn read(&mut self, stored: &RawValue) -> Result<Recorded, String> {
        let mut event: Map<String, Value> = serde_json::from_str(stored.get()).map_err(text)?;
        match event.remove("v").map_or(Some(1), |version| version.as_u64()) {
            Some(1) => self.upcast_v1(&mut event),
            Some(version) if version == u64::from(SCHEMA) => {}
            version => return Err(format!("unknown event version {version:?}")),
        }
        serde_json::from_value(Value::Object(event)).map_err(text)
    }

    /// Version 1 notified customers itself, and did not record which action had failed.
    fn upcast_v1(&mut self, event: &mut Map<String, Value>) {
        let kind = member(event, "type");
        match kind.as_str() {
            "announced" | "unannounced" => retire(event, &kind),
            "attempt_failed" => match self.failed_v1() {
                Some(action) => drop(event.insert("action".to_owned(), json!(action))),
                None => retire(event, &kind),
            },
            _ => self.follow_v1(&kind, event),
        }
    }

    /// The action that failed; `None` if it was a notification of a customer.
    fn failed_v1(&self) -> Option<String> {
        if self.backward {
            let due = |(step, undo): &&(&str, &str)| {
                let covered = *step == "reserve" && self.has_started("commit");
                self.has_started(step) && !covered && !self.undone.iter().any(|done| done == undo)
            };
            return UNDOS_V1.iter().find(due).map(|(_, undo)| (*undo).to_owned());
        }
        self.open.last().cloned()
    }

    fn has_started(&self, step: &str) -> bool {
        self.started.iter().any(|started| started == step)
    }

    fn follow_v1(&mut self, kind: &str, event: &Map<String, Value>) {
        let step = member(event, "step");
        match kind {
            "step_started" => {
                self.started.push(step.clone());
                self.open.push(step);
            }
            "step_done" | "step_skipped" => self.open.retain(|open| *open != step),
            "step_refused" | "cancel_requested" => self.backward = true,
            "cancel_refused" => self.backward = false,
            "undone" => self.undone.push(member(event, "undo")),
            "reservation_lost" => {
                for list in [&mut self.started, &mut self.open] {
                    list.retain(|step| step != "reserve" && step != "commit");
                }
            }
            _ => {}
        }
    }
}

/// Keeps the data of an event that has no meaning in the current format.
fn retire(event: &mut Map<String, Value>, kind: &str) {
    let facts: Map<String, Value> = ["status", "failure", "detail"]
        .iter()
        .filter_map(|name| event.remove_entry(*name))
        .collect();
    event.insert("type".to_owned(), json!("retired"));
    event.insert("was".to_owned(), json!(kind));
    event.insert("facts".to_owned(), Value::Object(facts));
}

fn member(event: &Map<String, Value>, name: &str) -> String {
    event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn text(error: serde_json::Error) -> String {
    error.to_string()
}
