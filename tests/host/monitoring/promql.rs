//! The names in expressions of Prometheus, as far as the alerts and the dashboard use its language.

use std::collections::BTreeSet;

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) metrics: BTreeSet<String>,
    pub(super) labels: BTreeSet<String>,
}

/// Words before a list of labels in parentheses.
const BEFORE_LABELS: [&str; 4] = ["by", "without", "on", "ignoring"];
/// The prefixes of metrics that hosts have.
const PREFIXES: [&str; 3] = ["tessera_", "tessera:", "process_"];

pub(super) fn names(expression: &str) -> Names {
    let mut names = Names::default();
    let mut rest = expression;
    // Whether a list of labels, in braces or parentheses, has begun or follows.
    let mut in_labels = false;
    let mut follow = false;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let end = rest[1..].find('"').expect("the end of a string");
            rest = &rest[end + 2..];
            continue;
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if length == 0 {
            match first {
                '{' => in_labels = true,
                '(' => in_labels = std::mem::take(&mut follow),
                '}' | ')' => in_labels = false,
                _ => {}
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        rest = after;
        follow = BEFORE_LABELS.contains(&word);
        if in_labels {
            names.labels.insert(word.to_owned());
        } else if PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
            names.metrics.insert(word.to_owned());
        }
    }
    names
}

#[test]
fn metrics_and_labels_are_found() {
    let expression = r#"sum by (a, b) (rate(tessera_x_count{c!~"d|tessera_y", e="{f}"}[5m])) > 1
        and on (g) (process_z) or label_free"#;
    let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<_>>();
    let expected = Names {
        metrics: set(&["tessera_x_count", "process_z"]),
        labels: set(&["a", "b", "c", "e", "g"]),
    };
    assert_eq!(names(expression), expected);
}
