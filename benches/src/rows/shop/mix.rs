//! What visitors of a shop do, at a rate that does not wait for answers: how many of them one
//! core serves well.

use super::customers::Customers;
use super::{Open, Scripted, open};
use crate::bench::Bench;
use crate::compare::{Figures, Round};
use crate::load::Pace;
use crate::report::{Curve, Row, Series, Target};
use anyhow::Result;

/// Requests of the script, in which the shares are exact.
const REQUESTS: usize = 1_000;
const CONNECTIONS: usize = 256;
/// Requests per second that are tried, one after the other, for as long as the shop keeps up.
const RATES: [u32; 12] =
    [100, 250, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 6_000];
/// A shop keeps up while it answers nearly as many as are sent, and none is missing.
const ANSWERED_MIN: f64 = 0.95;
/// It serves well while, besides, 99 of 100 answers take no longer.
const P99_MAX_MS: f64 = 10.0;
/// Ten times what Nightcore (ASPLOS '21) reports for one virtual processor at least.
const PER_CORE: f64 = 2_500.0;

pub(super) async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let cores = std::thread::available_parallelism()?.get() as f64;
    let mut best = Vec::new();
    let mut all = Vec::new();
    let mut lines = Vec::new();
    // One after the other: a shop at its limit leaves nothing for a neighbor's schedules.
    for shop in open(bench).await? {
        let name = shop.contender.name.clone();
        let figures = rising(bench, &shop).await?;
        let points = figures.iter().map(|of| (of.load as f64, of.p99_ms)).collect();
        lines.push(Series::new(&name, points));
        best.push(Best::of(name, &figures));
        all.extend(figures);
    }
    let row = |name, unit, value: fn(&Best) -> f64, targets: &[Target]| {
        let mut per_core = best.iter().map(|best| (best.name.clone(), value(best) / cores));
        let ours = per_core.next().map_or(0.0, |(_, value)| value);
        Row::of_value(name, unit, ours, per_core.collect(), targets)
    };
    let well = row(
        "shop mix",
        "requests/s per core, p99 ≤ 10 ms",
        |best| best.well,
        &[Target::AtLeast(PER_CORE)],
    );
    let spent = best.iter().map(|best| format!("{} {:.0}", best.name, best.per_second_spent));
    let spent = format!(
        "The generator has its share of these cores. Requests per second of processor time that \
         the contender itself spent: {}.",
        spent.collect::<Vec<_>>().join(", ")
    );
    let kept_up = row("shop mix, sustained", "requests/s per core", |best| best.kept_up, &[]);
    let title = "Shop mix: 99 of 100 answers take no longer";
    let curve = Curve::new("shop-mix-p99", title, ["requests per second", "ms"], lines);
    Ok(vec![well.with_curves([curve]), kept_up.note(spent).with_figures(all)])
}

/// What one shop can do, in requests per second.
struct Best {
    name: String,
    /// Serving well.
    well: f64,
    /// Keeping up.
    kept_up: f64,
    /// Of processor time, while keeping up.
    per_second_spent: f64,
}

impl Best {
    fn of(name: String, figures: &[Figures]) -> Best {
        let rate = |of: Option<&Figures>| of.map_or(0.0, |of| of.requests_per_second);
        let last = |is: fn(&Figures) -> bool| figures.iter().rev().find(|of| is(of));
        let kept_up = last(keeps_up);
        let spent = kept_up.map_or(0.0, |of| 1_000.0 / of.processor_seconds_per_1000);
        Best {
            name,
            well: rate(last(|of| keeps_up(of) && of.p99_ms <= P99_MAX_MS)),
            kept_up: rate(kept_up),
            per_second_spent: spent,
        }
    }
}

/// Measures at one rate after the other, up to the first at which the shop does not keep up.
async fn rising(bench: &Bench, shop: &Open) -> Result<Vec<Figures>> {
    let script = shop.script(bench, "mix", &mix(&shop.customers))?;
    let mut measured = Vec::new();
    for rate in RATES {
        let pace = Pace::Open { rate, connections: CONNECTIONS };
        // The first look is at cold instances.
        bench.generator.run(&script, pace, bench.settings.duration()).await?;
        let mut rounds = Vec::new();
        for _ in 0..bench.settings.rounds.min(3) {
            let load = bench.generator.run(&script, pace, bench.settings.duration());
            rounds.push(Round::of(&shop.contender, load).await?);
        }
        let figures = Figures::of(&shop.contender.name, rate as usize, &rounds);
        eprintln!("    {}", figures.line());
        let goes_on = keeps_up(&figures);
        measured.push(figures);
        if !goes_on {
            break;
        }
    }
    Ok(measured)
}

fn keeps_up(figures: &Figures) -> bool {
    figures.errors == 0 && figures.requests_per_second >= ANSWERED_MIN * figures.load as f64
}

/// All requests, mixed well: the same way each time.
fn mix(customers: &Customers) -> Vec<Scripted> {
    /// Has no factor in common with the number of requests.
    const STEP: usize = 617;
    let request = |place: usize| match place * STEP % REQUESTS * 10 / REQUESTS {
        0..3 => Customers::home(),
        3..6 => customers.product(place),
        6..8 => customers.view_cart(place),
        8 => customers.add_to_cart(place),
        _ => customers.checkout(place),
    };
    (0..REQUESTS).map(request).collect()
}
