//! File names of stores.

use std::fmt::Write;

/// The file name of a label: different for different labels, also on file systems that ignore case,
/// and never hidden or outside of the directory.
pub(super) fn file_name(label: &str) -> String {
    let mut name = String::with_capacity(label.len() + 3);
    for byte in label.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    name + ".db"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_distinct_harmless_file_names() {
        assert_eq!(file_name("orders"), "orders.db");
        assert_eq!(file_name("../etc"), "%2e%2e%2fetc.db");
        assert_eq!(file_name("Orders"), "%4frders.db");
        assert_eq!(file_name("%4frders"), "%254frders.db");
        assert_eq!(file_name("größe"), "gr%c3%b6%c3%9fe.db");
    }
}
