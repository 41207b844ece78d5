//! The table, in Markdown: readable in a terminal, and ready for the documentation.

use super::{Report, Row};
use std::fmt::Write as _;

/// The table of ratios, and below it every figure.
pub(super) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let machine = &report.machine;
    writeln!(
        text,
        "{}, {} threads, {:.0} GiB, {}; load average {} at the start; medians of {} rounds of \
         {} s, in turns.\n",
        machine.processor,
        machine.threads,
        machine.memory_mib as f64 / 1024.0,
        machine.system,
        machine.load_average,
        report.rounds,
        report.seconds
    )?;
    if !report.absent.is_empty() {
        writeln!(text, "Not on PATH, and so not compared with: {}.\n", report.absent.join(", "))?;
    }
    writeln!(text, "| row | ours | peers (ratio) | target | met |\n|---|---|---|---|---|")?;
    for row in &report.rows {
        writeln!(text, "{}", line(row))?;
    }
    for failure in &report.failures {
        let reason = failure.reason.replace(['\n', '|'], " ");
        writeln!(text, "| {} | not measured: {reason} | | | |", failure.row)?;
    }
    for row in report.rows.iter().filter(|row| !row.figures.is_empty() || !row.notes.is_empty()) {
        details(text, row)?;
    }
    Ok(())
}

fn line(row: &Row) -> String {
    let peers = row.peers.iter().map(|(name, value)| match value {
        Some(value) => {
            let ratio = row.ratio.get(name).copied().flatten();
            let ratio = ratio.map_or("–".to_owned(), |ratio| format!("**{ratio:.2}**"));
            format!("{name} {} ({ratio})", figure(*value))
        }
        None => format!("{name}: absent"),
    });
    let peers: Vec<String> = peers.collect();
    let met = row.met.map_or("–", |met| if met { "yes" } else { "**no**" });
    let (ours, unit) = (figure(row.ours), row.unit);
    format!("| {} | {ours} {unit} | {} | {} | {met} |", row.row, peers.join("; "), row.target)
}

/// With as many digits as mean something, and thousands apart.
fn figure(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn details(text: &mut String, row: &Row) -> std::fmt::Result {
    writeln!(text, "\n### {}\n", row.row)?;
    if !row.figures.is_empty() {
        writeln!(
            text,
            "| load | who | requests/s | ± | p50 ms | p99 ms | p99.9 ms | CPU s/1000 | peak MiB | \
             errors |\n|---|---|---|---|---|---|---|---|---|---|"
        )?;
    }
    for of in &row.figures {
        writeln!(
            text,
            "| {} | {} | {} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.3} | {:.0} | {} |",
            of.load,
            of.name,
            figure(of.requests_per_second),
            of.spread * 50.0,
            of.p50_ms,
            of.p99_ms,
            of.p999_ms,
            of.processor_seconds_per_1000,
            of.memory_peak_mib,
            of.errors
        )?;
    }
    for note in &row.notes {
        writeln!(text, "\n{note}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Target;
    use super::*;

    #[test]
    fn a_line_shows_ratios_and_who_is_absent() {
        let targets = [Target::times(3.0, &["Spin"]), Target::times(0.4, &["axum"])];
        let peers = vec![("axum".to_owned(), 100_000.0)];
        let row = Row::of_value("hello", "requests/s", 44_000.4, peers, &targets);
        assert_eq!(
            line(&row),
            "| hello | 44,000 requests/s | Spin: absent; axum 100,000 (**0.44**) \
             | ≥ 3 × Spin, ≥ 0.4 × axum | yes |"
        );
    }

    #[test]
    fn figures_have_as_many_digits_as_mean_something() {
        assert_eq!(figure(1.234_5), "1.23");
        assert_eq!(figure(123.4), "123");
        assert_eq!(figure(1_234_567.8), "1,234,568");
    }
}
