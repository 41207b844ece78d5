//! The schedule of hostile clients, and the reactions of the shop.

use super::{Kind, KnownOrders, Seen, Visitor};
use crate::support::{Buyer, Customer, Shop, Tokens};
use fastrand::Rng;
use futures::future::join_all;
use harness::Stranger;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many are active at the same time all day.
const ROAMING: usize = 4;
/// Between two visits of one client, in milliseconds.
const REST_MS: Range<u64> = 100..1_000;
/// Accounts that they share.
const ACCOUNTS: usize = 2;
/// Stock of the product that they order.
const PIECES: u32 = 1_000_000;

/// Hostile clients, as many as there are kinds.
pub(crate) struct Crowd {
    visitors: Vec<Visitor>,
    accounts: Vec<Customer>,
    known_orders: Arc<KnownOrders>,
}

impl Crowd {
    /// Registers their accounts. From then on the shop may be killed.
    pub(crate) async fn gather(shop: &Shop) -> Self {
        let sku = shop.product(&shop.admin().await, PIECES).await;
        let accounts = join_all((0..ACCOUNTS).map(|_| Customer::new(shop))).await;
        let (tokens, known_orders) = (Arc::<Tokens>::default(), Arc::<KnownOrders>::default());
        let host = shop.host().expect("a process").address();
        let visitor = |number: usize| {
            let last = u8::try_from(number + 1).expect("few of them");
            let address = Ipv4Addr::new(127, 0, 1, last);
            let stranger = Stranger::at(host, address);
            let account = &accounts[number % ACCOUNTS];
            Visitor {
                stranger,
                api: shop.visitor_at(address),
                account: Buyer::new(stranger.client(), account, tokens.clone()),
                sku: sku.clone(),
                known_orders: known_orders.clone(),
            }
        };
        let visitors = (0..Kind::ALL.len()).map(visitor).collect();
        Self { visitors, accounts, known_orders }
    }

    /// Their accounts.
    pub(crate) fn accounts(&self) -> &[Customer] {
        &self.accounts
    }

    /// Shares the id of an order with them, which is also that of its payment.
    pub(crate) fn learns_of(&self, order: &str) {
        self.known_orders.note(order);
    }

    /// Some of them visit the shop repeatedly until the test ends, with a random kind each time.
    pub(crate) async fn roam(&self, mut rng: Rng, over: &AtomicBool) -> Tally {
        let roaming = self.visitors.iter().take(ROAMING);
        let visits: Vec<_> = roaming.map(|visitor| visitor.roam(rng.fork(), over)).collect();
        let mut tally = Tally::default();
        for (kind, seen) in join_all(visits).await.into_iter().flatten() {
            tally.note(kind, seen);
        }
        tally
    }

    /// One visit of each kind, all at the same time.
    pub(crate) async fn besiege(&self, mut rng: Rng) -> Tally {
        let visits = Kind::ALL.into_iter().zip(&self.visitors).map(|(kind, visitor)| {
            let mut rng = rng.fork();
            async move { (kind, kind.visit(visitor, &mut rng).await) }
        });
        Tally(join_all(visits).await.into_iter().collect())
    }
}

impl Visitor {
    async fn roam(&self, mut rng: Rng, over: &AtomicBool) -> Vec<(Kind, Seen)> {
        let mut visits = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let kind = Kind::ALL[rng.usize(..Kind::ALL.len())];
            visits.push((kind, kind.visit(self, &mut rng).await));
            tokio::time::sleep(Duration::from_millis(rng.u64(REST_MS))).await;
        }
        visits
    }
}

/// How the shop reacted to all visits, by kind.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<Kind, Seen>);

impl Tally {
    fn note(&mut self, kind: Kind, seen: Seen) {
        self.0.entry(kind).or_default().add(seen);
    }

    /// Reactions that are wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.0.iter().flat_map(|(kind, seen)| kind.faults(seen)).collect()
    }

    /// The kinds of which the shop has not stopped a visit.
    pub(crate) fn unstopped(&self) -> Vec<Kind> {
        let stopped = |kind: &Kind| self.0.get(kind).is_some_and(|seen| kind.is_stopped(seen));
        Kind::ALL.into_iter().filter(|kind| !stopped(kind)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, Seen { answers, cut, .. }) in &self.0 {
            writeln!(f, "  {kind:?}: answers by status {answers:?}, {cut} cut off")?;
        }
        Ok(())
    }
}
