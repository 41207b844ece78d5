//! A short-lived cache of settings.
//!
//! Reading a setting is a call of the host, on some hosts a call of a server of secrets, and every
//! request of a function begins with several of them. An instance that serves many requests reads a
//! setting again after [`KEPT_MS`].

#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a setting is cached. Milliseconds.
pub(crate) const KEPT_MS: u64 = 1_000;
/// The maximum number of cached settings. Further ones are read each time.
const SETTINGS_MAX: usize = 64;

/// Cached settings by their names.
#[derive(Debug)]
pub(crate) struct Recent {
    seen: Mutex<BTreeMap<String, Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    value: Option<String>,
    at_ms: u64,
}

impl Recent {
    /// An empty cache.
    pub(crate) const fn new() -> Self {
        Self { seen: Mutex::new(BTreeMap::new()) }
    }

    /// The setting, if it was read within [`KEPT_MS`].
    pub(crate) fn get(&self, name: &str, now_ms: u64) -> Option<Option<String>> {
        let seen = self.seen();
        let seen = seen.get(name)?;
        // The age is unknown after the clock was set back.
        let age_ms = now_ms.checked_sub(seen.at_ms)?;
        (age_ms < KEPT_MS).then(|| seen.value.clone())
    }

    /// Caches the value of a setting.
    pub(crate) fn note(&self, name: &str, value: Option<String>, now_ms: u64) {
        let mut seen = self.seen();
        if seen.len() < SETTINGS_MAX || seen.contains_key(name) {
            seen.insert(name.to_owned(), Seen { value, at_ms: now_ms });
        }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_cached_for_a_second() {
        let recent = Recent::new();
        assert_eq!(recent.get("a", 5_000), None);
        recent.note("a", Some("1".to_owned()), 5_000);
        recent.note("b", None, 5_000);
        let last_ms = 5_000 + KEPT_MS - 1;
        assert_eq!(recent.get("a", last_ms), Some(Some("1".to_owned())));
        assert_eq!(recent.get("b", last_ms), Some(None), "that it is absent is known, too");
        assert_eq!(recent.get("a", last_ms + 1), None);
        assert_eq!(recent.get("a", 4_999), None, "the clock was set back");
        recent.note("a", Some("2".to_owned()), last_ms);
        assert_eq!(recent.get("a", last_ms), Some(Some("2".to_owned())));
    }

    #[test]
    fn the_number_of_cached_settings_is_limited() {
        let recent = Recent::new();
        for number in 0..2 * SETTINGS_MAX {
            recent.note(&number.to_string(), None, 1);
        }
        assert_eq!(recent.seen().len(), SETTINGS_MAX);
        recent.note("0", Some("new".to_owned()), 1);
        assert_eq!(recent.get("0", 1), Some(Some("new".to_owned())));
    }
}
