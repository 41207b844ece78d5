//! The table in the documentation.

use super::Row;
use harness::repository;
use std::fs;

const PAGE: &str = "docs/shop.md";
const BEGIN: &str = "<!-- generated: failures -->";
const END: &str = "<!-- end -->";

/// Compares the table in the page with these rows, or rewrites it.
pub(super) fn check(rows: &[Row]) {
    let path = repository().join(PAGE);
    let text = fs::read_to_string(&path).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect(BEGIN);
    let (_, after) = rest.split_once(END).expect(END);
    let expected = format!("{before}{BEGIN}\n\n{}\n{END}{after}", table(rows));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, expected).expect("the page is written");
    } else {
        assert_eq!(text, expected, "{PAGE} is outdated: run this test with UPDATE_GOLDEN=1");
    }
}

fn table(rows: &[Row]) -> String {
    let list = |names: &[&str]| if names.is_empty() { "–".to_owned() } else { names.join(", ") };
    let line = |row: &Row| {
        format!("| `{}` | {} | {} |\n", row.component, list(&row.fails), list(&row.later))
    };
    let header = "| component | does not work | is accepted and completed later |\n|---|---|---|\n";
    [header.to_owned()].into_iter().chain(rows.iter().map(line)).collect()
}
