//! Hostile clients of a shop.
//!
//! Each kind is one file of `kinds`. A visit lasts until the shop has answered everything or cut
//! the connections. In the short form (`crashes/siege.rs`), one client of each kind attacks, all at
//! the same time. In the long form (`crashes/soak.rs`), several clients attack repeatedly, and a
//! seed chooses their kinds. Both then check that customers could buy, that no money moved wrongly,
//! and that the host stayed within its limits.

mod crowd;
mod host;
mod kinds;

pub(crate) use crowd::{Crowd, Tally};
pub(crate) use host::{Vitals, assert_limits_were_reached, assert_ready, fortified};
pub(crate) use kinds::{Kind, forged_webhooks, wrong_passwords};

use crate::support::{Api, Buyer, order, unique};
use fastrand::Rng;
use harness::{Answer, Stranger};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Ids of orders that hostile clients know.
#[derive(Default)]
struct KnownOrders(Mutex<Vec<String>>);

impl KnownOrders {
    fn note(&self, order: &str) {
        self.0.lock().expect("orders").push(order.to_owned());
    }

    /// At most `count` of them, chosen at random.
    fn some(&self, rng: &mut Rng, count: usize) -> Vec<String> {
        let all = self.0.lock().expect("orders");
        let count = count.min(all.len());
        (0..count).map(|_| all[rng.usize(..all.len())].clone()).collect()
    }
}

/// A hostile client with its own address.
pub(crate) struct Visitor {
    /// For raw connections.
    stranger: Stranger,
    /// For requests without a token.
    api: Api,
    /// For requests with a token: hostile clients can register, too.
    account: Buyer,
    /// The product that it orders.
    sku: String,
    known_orders: Arc<KnownOrders>,
}

impl Visitor {
    /// Places an order. Returns its id, if the shop has accepted it.
    async fn order(&self, method: &str) -> Option<String> {
        let placed = self.account.place(&unique(), &order(&[(&self.sku, 1)], method)).await?;
        Some(placed.json()["id"].as_str()?.to_owned())
    }
}

/// How the shop reacted to a visit.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Answers by status.
    answers: BTreeMap<u16, u32>,
    /// Connections that ended without an answer.
    cut: u32,
    /// Reactions that are always wrong.
    faults: Vec<String>,
}

impl Seen {
    fn note(&mut self, status: Option<u16>) {
        match status {
            Some(status) => *self.answers.entry(status).or_default() += 1,
            None => self.cut += 1,
        }
    }

    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn add(&mut self, other: Self) {
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
        self.cut += other.cut;
        self.faults.extend(other.faults);
    }
}

/// From the status of each answer; none where a connection ended without one.
impl FromIterator<Option<u16>> for Seen {
    fn from_iter<I: IntoIterator<Item = Option<u16>>>(statuses: I) -> Self {
        let mut seen = Self::default();
        statuses.into_iter().for_each(|status| seen.note(status));
        seen
    }
}

impl FromIterator<Option<Answer>> for Seen {
    fn from_iter<I: IntoIterator<Item = Option<Answer>>>(answers: I) -> Self {
        let status = |answer: Option<Answer>| Some(answer?.status.as_u16());
        answers.into_iter().map(status).collect()
    }
}
