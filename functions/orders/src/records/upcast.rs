//! Reading stored events, whatever version wrote them.
//!
//! Stored events stay as they were written, byte for byte, except that a customer may be erased
//! from the first one. Each bears the version of its
//! form (`v`; the first had none) and is brought into today's form when it is read, one
//! version after the other. Events of later versions are refused: this code would lose what
//! it does not know.

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

/// Reads the events of one order, oldest first. What an old event leaves unsaid is taken from
/// those before it.
#[derive(Default)]
pub(super) struct Reader {
    /// Steps that are begun and not done, of version 1.
    open: Vec<String>,
    /// Steps that were begun, of version 1.
    begun: Vec<String>,
    /// Compensations that have happened, of version 1.
    undone: Vec<String>,
    /// Whether the saga goes backward.
    backward: bool,
}

impl Reader {
    /// The event in today's form, or why it has none.
    pub(super) fn read(&mut self, stored: &RawValue) -> Result<Recorded, String> {
        let mut event: Map<String, Value> = serde_json::from_str(stored.get()).map_err(text)?;
        match event.remove("v").map_or(Some(1), |version| version.as_u64()) {
            Some(1) => self.upcast_v1(&mut event),
            Some(version) if version == u64::from(SCHEMA) => {}
            version => return Err(format!("an event of the unknown version {version:?}")),
        }
        serde_json::from_value(Value::Object(event)).map_err(text)
    }

    /// Version 1 told customers itself, and did not say which move had failed.
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

    /// The move that was being tried; none if a customer was being told of something.
    fn failed_v1(&self) -> Option<String> {
        if self.backward {
            let due = |(step, undo): &&(&str, &str)| {
                let covered = *step == "reserve" && self.has_begun("commit");
                self.has_begun(step) && !covered && !self.undone.iter().any(|done| done == undo)
            };
            return UNDOS_V1.iter().find(due).map(|(_, undo)| (*undo).to_owned());
        }
        self.open.last().cloned()
    }

    fn has_begun(&self, step: &str) -> bool {
        self.begun.iter().any(|begun| begun == step)
    }

    fn follow_v1(&mut self, kind: &str, event: &Map<String, Value>) {
        let step = member(event, "step");
        match kind {
            "step_started" => {
                self.begun.push(step.clone());
                self.open.push(step);
            }
            "step_done" | "step_skipped" => self.open.retain(|open| *open != step),
            "step_refused" | "cancel_requested" => self.backward = true,
            "cancel_refused" => self.backward = false,
            "undone" => self.undone.push(member(event, "undo")),
            "reservation_lost" => {
                for list in [&mut self.begun, &mut self.open] {
                    list.retain(|step| step != "reserve" && step != "commit");
                }
            }
            _ => {}
        }
    }
}

/// Keeps what an event told without keeping its meaning.
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
