//! Receives events, and says how many of each type there were.

#[cfg(target_family = "wasm")]
mod component;

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The key of an event. An event may be delivered more than once, and always has the same source and
/// id, so a repetition changes nothing.
pub fn key(source: &str, id: &str) -> String {
    format!("{source} {id}")
}

/// A line for each type of these events, with their number.
pub fn summary(types: &[String]) -> String {
    let mut counts = BTreeMap::<&str, u64>::new();
    for one in types {
        *counts.entry(one).or_default() += 1;
    }
    let mut text = String::new();
    for (one, count) in counts {
        let _ = writeln!(text, "{one} {count}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{key, summary};

    #[test]
    fn each_type_has_a_line() {
        let types = ["b", "a", "b"].map(str::to_owned);
        assert_eq!(summary(&types), "a 1\nb 2\n");
        assert_eq!(summary(&[]), "");
    }

    #[test]
    fn events_of_different_sources_are_different() {
        assert_ne!(key("/orders", "1"), key("/returns", "1"));
    }
}
