//! `cargo benchmark`: how much a call of a function costs here, beside what it costs elsewhere.
//!
//! A figure without a peer says more about the machine than about the code. So each row starts
//! ours and its peers side by side, loads them in turns (A B A B …), and judges the *ratio* of
//! the medians; the spread between rounds says how far to trust it. Everything is built, started
//! and stopped here; a peer that is not on `PATH` is left out and named.
//!
//! | folder | is |
//! |---|---|
//! | `rows/` | one file per row of the table: what is run, what it is compared with, its targets |
//! | `peers/` | one file per peer: how it is started |
//! | `load/` | the generators of load |
//! | `report/` | table, JSON and curves |
//! | `twin/` | the native twins, a program of its own (`twin <name>`) |
//! | `../guests/`, `../apps/` | the functions, and the manifests that every host gets |
//!
//! To add a row: a file in `rows/` with an [`Entry`](rows::Entry), named in
//! [`rows::ALL`]; to add a twin: a subcommand in `twin/main.rs`.

mod artifacts;
mod bench;
mod client;
mod compare;
mod load;
mod machine;
mod peers;
mod process;
mod report;
mod rows;
mod statistics;

use anyhow::Context as _;
use bench::{Bench, Settings};
use clap::Parser;
use std::process::ExitCode;

/// Measure this host and its peers, side by side.
#[derive(Debug, Parser)]
#[command(name = "cargo benchmark")]
struct Arguments {
    /// The rows to measure [default: all of them]. `--list` names them.
    rows: Vec<String>,
    /// Name the rows and stop.
    #[arg(long)]
    list: bool,
    /// Measure what is built already.
    #[arg(long)]
    no_build: bool,
    /// One short round at one concurrency: to see that it works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Rounds per figure; the median counts.
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// How long one contender is under load in one round, in seconds.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let rows = rows::select(&arguments.rows)?;
    if arguments.list {
        return rows::list().map(|()| ExitCode::SUCCESS);
    }
    let mut settings = if arguments.quick { Settings::quick() } else { Settings::full() };
    settings.rounds = arguments.rounds.unwrap_or(settings.rounds).max(1);
    settings.seconds = arguments.seconds.unwrap_or(settings.seconds).max(1);
    settings.build = !arguments.no_build;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&rows, settings))
}

/// Measures until all is measured or Ctrl-C comes; either way everything that was started ends.
async fn run(rows: &[&'static rows::Entry], settings: Settings) -> anyhow::Result<ExitCode> {
    tokio::select! {
        measured = measure(rows, settings) => measured,
        stopped = tokio::signal::ctrl_c() => {
            stopped.context("waiting for Ctrl-C")?;
            Ok(ExitCode::from(130))
        }
    }
}

async fn measure(rows: &[&'static rows::Entry], settings: Settings) -> anyhow::Result<ExitCode> {
    let bench = Bench::prepare(settings).await?;
    let mut report = report::Report::begin(&bench);
    for row in rows {
        eprintln!("==> {}: {}", row.name, row.about);
        match (row.run)(&bench).await {
            Ok(measured) => report.add(measured),
            Err(error) => report.add_failure(row.name, &error),
        }
        // After each row, so that a run that is cut short has left what it measured.
        report.write(&bench)?;
    }
    report.print()?;
    Ok(if report.has_failures() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
