//! Those who use the shop in this test.

use super::RECOVERY;
use super::use_cases::{self, Outcome};
use crate::support::{Api, Customer, Shop, eventually, order, unique};
use std::sync::atomic::{AtomicU32, Ordering};

/// More than all use cases buy.
const PIECES: u32 = 1_000_000;
/// At most this number of pieces is in a cart.
const QUANTITY_MAX: u32 = 900;

/// A visitor, two customers and an administrator, all signed in, and a product.
pub(super) struct Visit {
    pub(super) visitor: Api,
    pub(super) admin: Api,
    /// Buys.
    pub(super) customer: Customer,
    /// Only fills the cart, so that this does not interfere with the checkout.
    pub(super) collector: Customer,
    pub(super) sku: String,
    /// An order that stays as it is.
    pub(super) order: String,
    /// Counts the changes of the cart of the customer.
    quantity: AtomicU32,
}

impl Visit {
    pub(super) async fn new(shop: &Shop) -> Self {
        let (visitor, admin) = (shop.visitor(), shop.admin().await);
        let (customer, collector) = (Customer::new(shop).await, Customer::new(shop).await);
        let sku = shop.product(&admin, PIECES).await;
        let order = customer.buy(&[(&sku, 1)], "tok_approved").await;
        let order = order["id"].as_str().expect("an id").to_owned();
        let quantity = AtomicU32::new(0);
        Self { visitor, admin, customer, collector, sku, order, quantity }
    }

    /// Signs in again: the test may take longer than a token is valid.
    pub(super) async fn renew(&mut self, shop: &Shop) {
        self.admin = shop.admin().await;
        for customer in [&mut self.customer, &mut self.collector] {
            *customer = Customer::sign_in(shop, &customer.id, &customer.email).await;
        }
    }

    /// A confirmed order, and a cart for another one.
    pub(super) async fn order_to_cancel(&self) -> String {
        let prepared = async || self.prepared().await;
        eventually("an order is confirmed", RECOVERY, prepared).await
    }

    async fn prepared(&self) -> Option<String> {
        // An order that is completed later empties the cart unless that has changed.
        let quantity = 1 + self.quantity.fetch_add(1, Ordering::Relaxed) % QUANTITY_MAX;
        if use_cases::put(&self.customer, &self.sku, quantity).await != Outcome::Works {
            return None;
        }
        let order = order(&[(&self.sku, 1)], "tok_approved");
        let placed = self.customer.place(&unique(), &order).await;
        let placed = (placed.status == 201).then(|| placed.json())?;
        (placed["status"] == "confirmed").then(|| placed["id"].as_str().map(str::to_owned))?
    }

    /// Waits until all use cases work.
    pub(super) async fn works(&self, when: &str) {
        let what = format!("everything works after the failure of {when}");
        eventually(&what, RECOVERY, async || {
            let order = self.prepared().await?;
            let outcomes = use_cases::outcomes(self, &order).await;
            outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Works).then_some(())
        })
        .await;
    }

    /// Waits until no order is pending.
    pub(super) async fn all_decided(&self) {
        for order in self.customer.all_orders().await {
            if order["status"] == "pending" {
                self.customer.decided(order["id"].as_str().expect("an id")).await;
            }
        }
    }

    pub(super) fn customers(&self) -> impl Iterator<Item = &Customer> {
        [&self.customer, &self.collector].into_iter()
    }
}
