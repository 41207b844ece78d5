//! The tables of ARCHITECTURE.md hold: modules of the host only use what their row allows, and the
//! layers of functions do not know what theirs forbids.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod references;
mod rules;
mod table;
mod tokens;

use rules::Rules;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the host.
const HOST: &str = "runtime-host/host/src";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

/// The table of ARCHITECTURE.md whose first column has this name.
fn rules(first_column: &str) -> Rules {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the document");
    let rows = table::read(&text, first_column);
    assert!(!rows.is_empty(), "ARCHITECTURE.md has no table of each {first_column}");
    Rules { rows }
}

/// A source file: its module and its text.
struct Source {
    file: PathBuf,
    module: Vec<String>,
    text: String,
}

/// All source files of a crate, by its folder of sources.
fn sources(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = table::module_of(path.strip_prefix(root).expect("below the root"));
                let text = fs::read_to_string(&path).expect("a source file");
                sources.push(Source { file: path, module, text });
            }
        }
    }
    assert!(!sources.is_empty(), "{} has no sources", root.display());
    sources
}

/// The sources of all functions: those of `functions/<name>/src`.
fn functions() -> Vec<PathBuf> {
    let folders = fs::read_dir(repository().join("functions")).expect("the functions");
    let sources = folders.map(|folder| folder.expect("a folder").path().join("src"));
    sources.filter(|sources| sources.is_dir()).collect()
}

/// Fails with all violations: `file:line: what`.
fn assert_none(violations: &[(&Path, usize, String)]) {
    let lines: Vec<_> = violations
        .iter()
        .map(|(file, line, text)| {
            let file = file.strip_prefix(repository()).unwrap_or(file);
            format!("{}:{line}: {text}", file.display())
        })
        .collect();
    assert!(lines.is_empty(), "see the tables in ARCHITECTURE.md\n{}", lines.join("\n"));
}

#[test]
fn modules_of_the_host_only_use_what_their_rows_allow() {
    let rules = rules("module");
    let sources = sources(&repository().join(HOST));
    let mut violations = Vec::new();
    for source in &sources {
        let uses = rules.forbidden_uses(&source.module, &source.text);
        let names = rules.forbidden_names(&source.module, &source.text);
        let found = uses.into_iter().chain(names);
        violations.extend(found.map(|(line, text)| (source.file.as_path(), line, text)));
    }
    assert_none(&violations);
}

#[test]
fn each_module_of_the_host_has_a_row_and_each_row_a_module() {
    let rules = rules("module");
    let sources = sources(&repository().join(HOST));
    let modules: BTreeSet<_> =
        sources.iter().filter_map(|source| source.module.first()).cloned().collect();
    let rows: BTreeSet<_> =
        rules.rows.iter().filter_map(|row| row.module.first()).cloned().collect();
    assert_eq!(modules, rows);
    for row in &rules.rows {
        let exists = sources.iter().any(|source| row.contains(&source.module));
        assert!(exists, "the host has no module `{}`", row.name());
    }
}

#[test]
fn each_allowed_use_exists() {
    let rules = rules("module");
    let sources = sources(&repository().join(HOST));
    let used: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| rules.uses(&source.module, &source.text))
        .map(|(_, one)| one)
        .collect();
    for row in &rules.rows {
        for allowed in &row.may_use {
            let one = rules::Use { user: row.name(), used: allowed.clone() };
            assert!(used.contains(&one), "`{}` does not use `{allowed}`", row.name());
        }
    }
}

#[test]
fn the_modules_of_the_host_have_no_cycle() {
    assert_eq!(rules("module").cycle(), None);
}

#[test]
fn layers_of_functions_do_not_know_what_their_rows_forbid() {
    let rules = rules("layer");
    let sources: Vec<_> = functions().iter().flat_map(|root| sources(root)).collect();
    let mut violations = Vec::new();
    for source in &sources {
        let found = rules.forbidden_names(&source.module, &source.text).into_iter();
        violations.extend(found.map(|(line, text)| (source.file.as_path(), line, text)));
    }
    assert_none(&violations);
}
