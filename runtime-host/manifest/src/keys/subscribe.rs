//! An entry of `subscribe`.

use crate::keys::keys;

/// Maximum number of types of one entry.
pub(crate) const TYPES_MAX: usize = 64;

keys! {
    /// The keys of an entry.
    SUBSCRIBE {
        /// Event types, exact or with a trailing `*`.
        TYPES: Value("types", "an array of 1 to 64 strings", "required");
        /// The path of the `POST` requests.
        PATH: Value("path", "a path", "required");
        /// The consumer group. If several components name the same group, each event is delivered
        /// to one of them; `types`, `concurrency_max`, `attempts_max` and `from` must be equal.
        GROUP: Value("group", "a name", "the component's id");
        /// The content mode of the CloudEvents HTTP binding.
        MODE: Value("mode", "`\"binary\"`, `\"structured\"`, `\"batch\"`", "`\"binary\"`");
        /// Events in one request of mode `batch`.
        BATCH_MAX: Number("batch_max", 1..=100, "events", Some(32));
        /// Keys whose events are delivered concurrently.
        CONCURRENCY_MAX: Number("concurrency_max", 1..=1_024, "keys", Some(16));
        /// Deliveries before an event becomes a dead letter.
        ATTEMPTS_MAX: Number("attempts_max", 1..=1_000, "deliveries", Some(16));
        /// Whether a new group starts with the oldest event or with the next one.
        FROM: Value("from", "`\"start\"`, `\"now\"`", "`\"start\"`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_name_the_maximum() {
        assert!(TYPES.values.contains(&format!("1 to {TYPES_MAX} ")));
    }
}
