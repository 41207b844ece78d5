//! What was measured, for people and for programs: a table, a JSON file, curves.

mod curve;
mod row;
mod table;

pub(crate) use curve::{Curve, Series};
pub(crate) use row::{Row, Target};

use crate::bench::Bench;
use crate::machine::Machine;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::io::Write as _;

/// The results of a run, as they stand in `target/bench/<time>.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// When the run began, UTC.
    started: String,
    machine: Machine,
    /// Rounds per figure.
    rounds: usize,
    /// Seconds of load per contender and round.
    seconds: u64,
    /// Peers that are not on `PATH`: what was not compared with them is not met by it.
    absent: Vec<&'static str>,
    rows: Vec<Row>,
    /// Rows that could not be measured, and why.
    failures: Vec<Failure>,
}

/// A row that could not be measured.
#[derive(Debug, Serialize)]
struct Failure {
    row: &'static str,
    reason: String,
}

impl Report {
    /// A report without rows.
    pub(crate) fn begin(bench: &Bench) -> Report {
        let optional = [("spin", &bench.spin), ("wasmtime", &bench.wasmtime)];
        let absent = optional.into_iter().filter(|(_, program)| program.is_none());
        Report {
            started: bench.started.clone(),
            machine: bench.machine.clone(),
            rounds: bench.settings.rounds,
            seconds: bench.settings.seconds,
            absent: absent.map(|(name, _)| name).collect(),
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// What a row has measured.
    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        for row in &rows {
            eprintln!("    {}", row.line());
        }
        self.rows.extend(rows);
    }

    /// A row that could not be measured.
    pub(crate) fn add_failure(&mut self, row: &'static str, error: &anyhow::Error) {
        eprintln!("    failed: {error:#}");
        self.failures.push(Failure { row, reason: format!("{error:#}") });
    }

    /// Whether a row could not be measured.
    pub(crate) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// `target/bench/<time>.json`, the same as a table in `<time>.md`, and the curves.
    pub(crate) fn write(&self, bench: &Bench) -> Result<()> {
        let folder = bench.results();
        let file = |suffix: &str| folder.join(format!("{}.{suffix}", self.started));
        let json = serde_json::to_string_pretty(self)?;
        std::fs::write(file("json"), json).with_context(|| folder.display().to_string())?;
        std::fs::write(file("md"), table::markdown(self))?;
        for curve in self.rows.iter().flat_map(|row| &row.curves) {
            curve.draw(&folder)?;
        }
        Ok(())
    }

    /// The table, to standard output.
    pub(crate) fn print(&self) -> Result<()> {
        Ok(std::io::stdout().write_all(table::markdown(self).as_bytes())?)
    }
}
