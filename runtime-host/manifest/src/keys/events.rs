//! The table `events` of the application: the event log.

use crate::keys::keys;

// An event must not be gone before an operator can look for it, and a few publications of the
// largest events must not fill the log.
keys! {
    /// The keys of the table.
    EVENTS {
        /// Older events are removed when no subscription needs them.
        RETENTION_HOURS: Number("retention_hours", 1..=87_600, "hours", Some(720));
        /// Beyond this size, the oldest events are removed when no subscription needs them; beyond
        /// twice this size, in any case. The file may grow to four times this size plus 256 MiB (by
        /// default 16,384 MiB).
        RETENTION_MAX_MIB: Number("retention_max_mib", 64..=1_048_576, "MiB", Some(4_096));
    }
}
