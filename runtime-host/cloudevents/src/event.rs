//! The event and the rules of its attributes.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest `data`, in bytes.
pub const DATA_BYTES_MAX: usize = 256 * 1024;

/// A CloudEvent with text for data. `source` + `id` names it for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique within its source.
    pub id: String,
    /// URI reference of the producer.
    pub source: String,
    /// Reverse-DNS name with a version (the attribute `type`).
    pub kind: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it happened, RFC 3339.
    pub time: Option<String>,
    /// Media type of `data`.
    pub data_content_type: Option<String>,
    /// URI of the schema of `data`.
    pub data_schema: Option<String>,
    /// Extension attributes by name: `partitionkey`, `sequence`, `traceparent`, ….
    pub extensions: BTreeMap<String, String>,
    /// The payload as it is, never encoded once more.
    pub data: String,
}

/// Why something is no CloudEvent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{attribute}: {reason}")]
pub struct Invalid {
    /// The attribute, or `data`.
    pub attribute: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Event {
    /// Events with the same key are delivered in the order of their publication: the extension
    /// `partitionkey`, else the subject, else the source.
    pub fn partition_key(&self) -> &str {
        let key = self.extensions.get("partitionkey").or(self.subject.as_ref());
        key.unwrap_or(&self.source)
    }

    /// The place among the events of its source and subject, from 1: the extension `sequence`.
    pub fn sequence(&self) -> Option<u64> {
        self.extensions.get("sequence")?.parse().ok()
    }
}
