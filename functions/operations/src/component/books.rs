//! The books of all functions through their audit contracts.

use crate::bindings::shop::{inventory, notifications, order_history, orders, payments, shipping};
use crate::domain::{
    Message, Order, Payment, Posting, Projected, Shipping, Sku, Standing, StatementLine,
};
use crate::ports::{Part, Reading, Sources, Unreadable};

/// The functions of this application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audits;

/// The entries of a page.
macro_rules! part {
    ($book:literal, $page:expr) => {{
        let page = $page.await.map_err(unreadable($book))?;
        Ok(Part { entries: page.entries, next: page.next })
    }};
}

impl Sources for Audits {
    async fn orders(&self, after: Option<String>, limit: u32) -> Reading<Part<Order>> {
        part!("orders", orders::audit::orders(after, limit))
    }

    async fn payments(&self, after: Option<String>, limit: u32) -> Reading<Part<Payment>> {
        part!("payments", payments::audit::payments(after, limit))
    }

    async fn ledger(&self, after: Option<String>) -> Reading<Part<Posting>> {
        part!("payments", payments::audit::ledger(after))
    }

    async fn statement(&self, after: Option<String>) -> Reading<Part<StatementLine>> {
        part!("payments", payments::audit::statement(after))
    }

    async fn skus(&self, after: Option<String>, limit: u32) -> Reading<Part<Sku>> {
        part!("inventory", inventory::audit::skus(after, limit))
    }

    async fn reservations(&self, ids: Vec<String>) -> Reading<Vec<Standing>> {
        inventory::audit::reservations(ids).await.map_err(unreadable("inventory"))
    }

    async fn shipping(&self, after: Option<String>, limit: u32) -> Reading<Part<Shipping>> {
        part!("shipping", shipping::audit::orders(after, limit))
    }

    async fn messages(&self, after: Option<String>, limit: u32) -> Reading<Part<Message>> {
        part!("notifications", notifications::audit::messages(after, limit))
    }

    async fn projection(&self, after: Option<String>, limit: u32) -> Reading<Part<Projected>> {
        part!("order-history", order_history::audit::orders(after, limit))
    }
}

/// Any error of a book's contract.
fn unreadable<E: std::fmt::Debug>(book: &'static str) -> impl Fn(E) -> Unreadable {
    move |error| Unreadable { book, reason: format!("{error:?}") }
}
