//! Metrics for scrapers that do not read OpenMetrics: the older text format of Prometheus.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::BTreeSet;

/// Converts what [`Metrics::encode`](super::Metrics::encode) returns. Counters are declared with
/// their whole names, and there are no units and exemplars.
pub(crate) fn plain_text(open_metrics: &str) -> String {
    let counters: BTreeSet<&str> = open_metrics.lines().filter_map(counter).collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        match line.strip_prefix("# ") {
            Some(comment) => describe(comment, &counters, &mut text),
            None => {
                text.push_str(without_exemplar(line));
                text.push('\n');
            }
        }
    }
    text
}

/// The name that a line declares as a counter.
fn counter(line: &str) -> Option<&str> {
    line.strip_prefix("# TYPE ")?.strip_suffix(" counter")
}

fn describe(comment: &str, counters: &BTreeSet<&str>, text: &mut String) {
    let mut words = comment.splitn(3, ' ');
    let (Some(what @ ("HELP" | "TYPE")), Some(name)) = (words.next(), words.next()) else { return };
    let suffix = if counters.contains(name) { "_total" } else { "" };
    let rest = words.next().unwrap_or_default();
    text.push_str(&format!("# {what} {name}{suffix} {rest}\n"));
}

/// The exemplar comes after the value, which is after the labels.
fn without_exemplar(line: &str) -> &str {
    let is_after_labels = |exemplar: &str| !exemplar.contains("le=\"");
    match line.rsplit_once(" # {") {
        Some((sample, exemplar)) if is_after_labels(exemplar) => sample,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_whole_names_and_the_rest_of_openmetrics_is_gone() {
        let open_metrics = "# HELP a_seconds Time.\n# TYPE a_seconds histogram\n\
             # UNIT a_seconds seconds\na_seconds_sum 0.5\n\
             a_seconds_bucket{le=\"0.1\",b=\"c\"} 3 # {trace_id=\"d\"} 0.05 1.5\n\
             # HELP e Count.\n# TYPE e counter\ne_total 7\n# EOF\n";
        let expected = "# HELP a_seconds Time.\n# TYPE a_seconds histogram\na_seconds_sum 0.5\n\
             a_seconds_bucket{le=\"0.1\",b=\"c\"} 3\n\
             # HELP e_total Count.\n# TYPE e_total counter\ne_total 7\n";
        assert_eq!(plain_text(open_metrics), expected);
    }
}
