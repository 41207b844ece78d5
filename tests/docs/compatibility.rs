//! The page about compatibility with Spin says of each flag of `spin up` whether there is one.

use crate::pages::text;
use harness::tessera_binary;
use std::process::Command;

const PAGE: &str = "docs/reference/spin-compatibility.md";

#[test]
fn flags_of_spin_are_known_or_listed_as_unknown() {
    let page = text(PAGE);
    let (_, section) = page.split_once("\n## Flags\n").expect("a section about flags");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `-"));
    let rows: Vec<_> = rows.filter_map(|row| row.split_once(" | ")).collect();
    assert!(rows.len() > 30, "only {} rows were found", rows.len());
    for (flags, effect) in rows {
        let is_known = !effect.starts_with("unknown");
        for flag in format!("-{flags}").split('`').filter(|word| word.starts_with('-')) {
            assert_eq!(knows(flag), is_known, "{flag}: {effect}");
        }
    }
}

/// Whether `tessera up` has a flag. An empty folder has no manifest, so nothing is started.
fn knows(flag: &str) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(tessera_binary()).args(["up", flag]).current_dir(&folder).output();
    let errors = String::from_utf8(output.expect("tessera starts").stderr).expect("UTF-8");
    !errors.contains("unexpected argument")
}
