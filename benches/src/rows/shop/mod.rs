//! The whole shop: checkouts (`checkout`), and what visitors do (`shop-mix`).
//!
//! All contenders run the same components: this host with links, this host with bridges (JSON over
//! HTTP between the functions, as on stock Spin), and stock Spin. So the first two differ only in
//! what a call between functions and the delivery of an event are. Rate limits and couriers are
//! off, and the goods and customers are created through the public API.

mod checkout;
mod customers;
mod mix;

use super::Entry;
use crate::bench::Bench;
use crate::compare::Contender;
use crate::load::Request;
use crate::peers::{spin, tessera};
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

/// The variables of the shop.
const VARIABLES: [(&str, &str); 2] = [("rate_limits", "off"), ("courier_simulation_ms", "0")];

/// A shop with its customers.
struct Open {
    contender: Contender,
    customers: Customers,
}

/// All shops that can be opened here, with goods and customers.
async fn open(bench: &Bench) -> Result<Vec<Open>> {
    let manifest = bench.artifacts.empty_shop().await?;
    let bridged = bench.artifacts.bridged_shop().await?;
    let mut contenders = vec![
        tessera::with_variables(bench, &manifest, &VARIABLES).await?,
        tessera::with_variables(bench, &bridged, &VARIABLES).await?,
    ];
    contenders[1].name = tessera::BRIDGED.to_owned();
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
