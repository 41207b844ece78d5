//! The rows of the table, a file each.
//!
//! A row starts its contenders (`peers::…`), has them loaded in turns (`compare::closed`), and
//! gives back one or more [`Row`]s: what was measured, its targets, and every figure on the way.
//! A file has an `ENTRY` and, below it, `async fn run(bench: &Bench) -> Result<Vec<Row>>`:
//!
//! ```ignore
//! pub(crate) const ENTRY: Entry = Entry {
//!     name: "hello",
//!     about: "one function, 5-byte body, warm instances",
//!     run: |bench| Box::pin(run(bench)),
//! };
//!
//! async fn run(bench: &Bench) -> Result<Vec<Row>> {
//!     let contenders = vec![tessera::up(bench, "hello", &[]).await?, /* … */];
//!     let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
//!     Ok(vec![Row::of_requests("hello", &measured, &[Target::times(3.0, &["Spin"])])])
//! }
//! ```
//!
//! Contenders are stopped when they are dropped, whichever way the row ends.

mod body;
mod call;
mod density;
mod deploy;
mod events;
mod hello;
mod key_value;
mod neighbor;
mod scale_up;
mod shop;
mod start;

use crate::bench::Bench;
use crate::report::Row;
use anyhow::{Result, bail};
use futures::future::LocalBoxFuture;
use std::io::Write as _;

/// A row that can be asked for.
pub(crate) struct Entry {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) about: &'static str,
    /// Measures it.
    pub(crate) run: for<'a> fn(&'a Bench) -> LocalBoxFuture<'a, Result<Vec<Row>>>,
}

/// All rows, in the order of the table.
pub(crate) const ALL: &[Entry] = &[
    hello::ENTRY,
    hello::FRESH,
    call::ENTRY,
    call::FAN_OUT,
    call::POLICIES,
    key_value::ENTRY,
    events::ENTRY,
    shop::CHECKOUT,
    shop::MIX,
    body::ENTRY,
    start::ENTRY,
    deploy::ENTRY,
    density::ENTRY,
    scale_up::ENTRY,
    neighbor::ENTRY,
];

/// The rows with these names, all of them for none.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Entry>> {
    if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|row| row.name != **name)) {
        let known: Vec<&str> = ALL.iter().map(|row| row.name).collect();
        bail!("there is no row `{unknown}`; there are: {}", known.join(", "));
    }
    Ok(ALL.iter().filter(|row| names.is_empty() || names.iter().any(|n| n == row.name)).collect())
}

/// The names of all rows and what they do, to standard output.
pub(crate) fn list() -> Result<()> {
    let mut out = std::io::stdout();
    for row in ALL {
        writeln!(out, "{:<14} {}", row.name, row.about)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_names_mean_all_rows_and_an_unknown_one_is_refused_with_those_there_are() {
        assert_eq!(select(&[]).unwrap().len(), ALL.len());
        assert_eq!(select(&["hello".to_owned()]).unwrap()[0].name, "hello");
        let refusal = select(&["hullo".to_owned()]).err().unwrap().to_string();
        assert!(refusal.contains("`hullo`") && refusal.contains("hello"), "{refusal}");
    }
}
