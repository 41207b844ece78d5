//! The whole shop: checkouts (`checkout`), and what visitors do (`shop-mix`).
//!
//! Everybody gets the same shop: this host and stock Spin the same components, the native twin
//! the same business code in a process per function, with JSON over HTTP between them, SQLite
//! behind each and the same event log. Rate limits and couriers are off for all of them, and the
//! goods and customers are made through the public API.

mod checkout;
mod customers;
mod mix;

use super::Entry;
use crate::bench::Bench;
use crate::compare::Contender;
use crate::load::Request;
use crate::peers::{native, spin, tessera};
use anyhow::{Context as _, Result};
use customers::Customers;
use serde::Serialize;
use std::path::PathBuf;

pub(crate) const CHECKOUT: Entry = Entry {
    name: "checkout",
    about: "the real order flow, durable, all functions",
    run: |bench| Box::pin(checkout::run(bench)),
};

pub(crate) const MIX: Entry = Entry {
    name: "shop-mix",
    about: "home .3, product .3, view cart .2, add to cart .1, checkout .1, open loop",
    run: |bench| Box::pin(mix::run(bench)),
};

/// What the shop is told by whoever starts it.
const VARIABLES: [(&str, &str); 2] = [("rate_limits", "off"), ("courier_simulation_ms", "0")];

/// A shop that is open: somebody under measurement, and who buys there.
struct Open {
    contender: Contender,
    customers: Customers,
}

/// All shops that can be opened here, with goods and customers.
async fn open(bench: &Bench) -> Result<Vec<Open>> {
    let manifest = bench.artifacts.empty_shop().await?;
    let mut contenders = vec![
        tessera::with_variables(bench, &manifest, &VARIABLES).await?,
        native::shop(bench, &VARIABLES).await?,
    ];
    contenders.extend(spin::shop(bench, &manifest, &VARIABLES).await?);
    let mut shops = Vec::new();
    for contender in contenders {
        let customers = Customers::of(bench, &contender.url).await;
        let customers = customers.with_context(|| contender.name.clone())?;
        shops.push(Open { contender, customers });
    }
    Ok(shops)
}

/// A request as the generator reads it.
#[derive(Clone, Debug, Serialize)]
struct Scripted {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Open {
    /// These requests, sent to this shop.
    fn script(&self, bench: &Bench, name: &str, requests: &[Scripted]) -> Result<Request> {
        let folder = bench.results().join("scripts");
        std::fs::create_dir_all(&folder)?;
        let shop: String =
            self.contender.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let file: PathBuf = folder.join(format!("{name}-{shop}.json"));
        std::fs::write(&file, serde_json::to_vec(requests)?)?;
        Ok(Request::script(&self.contender.url, file))
    }
}
