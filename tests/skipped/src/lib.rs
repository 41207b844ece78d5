//! Tests that can't run here, and say so where it is seen.
//!
//! What a passing test prints is not shown, so a test that returns early looks like one that has
//! passed. A test that lacks something calls [`because`]: `cargo verify` prints the reason at its
//! end, and in CI, where nothing may be lacking, the test fails.

// It is part of tests: what it can't go on from is a failure of the test.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// The environment variable that names the file of `cargo verify` for what was skipped.
pub const FILE_VARIABLE: &str = "TESSERA_SKIPPED_FILE";

/// Notes that the test that calls this does not run, and why: "valgrind is not installed".
///
/// # Panics
/// In CI.
pub fn because(reason: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {reason}", thread.name().unwrap_or("a test"));
    assert!(!in_ci(), "skipped in CI: {line}");
    println!("skipped: {line}");
    if let Some(file) = std::env::var_os(FILE_VARIABLE) {
        note(Path::new(&file), &line);
    }
}

/// Whether this is CI, by the variable that most of its kind set.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value != "false" && !value.is_empty())
}

/// One write, so that lines of tests that run side by side stay whole.
fn note(file: &Path, line: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(file).expect("the list");
    file.write_all(format!("{line}\n").as_bytes()).expect("a line of the list");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_collected() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("list");
        note(&file, "one: no reason");
        note(&file, "two: none either");
        let list = std::fs::read_to_string(file).expect("the list");
        assert_eq!(list, "one: no reason\ntwo: none either\n");
    }
}
