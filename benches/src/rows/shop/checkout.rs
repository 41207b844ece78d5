//! Checkouts, one after the other on each connection.

use super::{Scripted, open};
use crate::bench::Bench;
use crate::compare;
use crate::load::Pace;
use crate::peers::{spin, tessera};
use crate::report::{Curve, Row, Target};
use anyhow::{Context as _, Result};
use std::collections::HashMap;

/// Different checkouts; then they begin anew, with new keys.
const CHECKOUTS: usize = 500;

pub(super) async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let shops = open(bench).await?;
    let mut requests = HashMap::new();
    for shop in &shops {
        shop.customers.buy().await.with_context(|| shop.contender.name.clone())?;
        let all = (0..CHECKOUTS).map(|number| shop.customers.checkout(number));
        let request = shop.script(bench, "checkout", &all.collect::<Vec<Scripted>>())?;
        requests.insert(shop.contender.name.clone(), request);
    }
    let (contenders, customers): (Vec<_>, Vec<_>) =
        shops.into_iter().map(|shop| (shop.contender, shop.customers)).unzip();
    let mut measured = Vec::new();
    for &connections in &bench.settings.concurrencies {
        let load = async |contender: &compare::Contender, duration| {
            let pace = Pace::Closed { connections };
            bench.generator.run(&requests[&contender.name], pace, duration).await
        };
        measured.extend(compare::in_turns(bench, &contenders, connections, load).await?);
    }
    for (contender, customers) in contenders.iter().zip(&customers) {
        // After all that, too.
        customers.buy().await.with_context(|| contender.name.clone())?;
    }
    let targets = [Target::times(8.0, spin::EITHER), Target::times(1.0, &[tessera::BRIDGED])];
    let row = Row::of_requests("checkout", &measured, &targets);
    Ok(vec![row.with_curves(Curve::by_concurrency("checkout", &measured))])
}
