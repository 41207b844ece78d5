//! An entry of `schedule`.

use crate::keys::keys;

keys! {
    /// The keys of an entry.
    SCHEDULE {
        /// The path of the `POST` requests.
        PATH: Value("path", "a path", "required");
        /// Time from the end of one run to the next one, at most one year. The first run is at
        /// startup.
        EVERY_MS: Number("every_ms", 10..=31_622_400_000, "ms", None);
    }
}
