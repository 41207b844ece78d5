//! The books of all functions through their audit contracts.

use super::Host;
use crate::bindings::shop::{inventory, notifications, order_history, orders, payments, shipping};
use crate::domain::{Audit, Entry, Standing};
use crate::ports::{Part, Reading, Sources, Unreadable};

/// The entries of a page.
macro_rules! part {
    ($book:literal, $page:expr, $entry:expr) => {{
        let page = $page.await.map_err(unreadable($book))?;
        Part { entries: page.entries.into_iter().map($entry).collect(), next: page.next }
    }};
}

impl Sources for Host {
    async fn page(&self, book: Audit, after: Option<String>, limit: u32) -> Reading<Part<Entry>> {
        Ok(match book {
            Audit::Orders => part!("orders", orders::audit::orders(after, limit), Entry::Order),
            Audit::Shipping => {
                part!("shipping", shipping::audit::orders(after, limit), Entry::Shipping)
            }
            Audit::Ledger => part!("payments", payments::audit::ledger(after), Entry::Posting),
            Audit::Payments => {
                part!("payments", payments::audit::payments(after, limit), Entry::Payment)
            }
            Audit::Statement => {
                part!("payments", payments::audit::statement(after), Entry::StatementLine)
            }
            Audit::Skus => part!("inventory", inventory::audit::skus(after, limit), Entry::Sku),
            Audit::Messages => {
                part!("notifications", notifications::audit::messages(after, limit), Entry::Message)
            }
            Audit::Projection => {
                part!("order-history", order_history::audit::orders(after, limit), Entry::Projected)
            }
        })
    }

    async fn reservations(&self, ids: Vec<String>) -> Reading<Vec<Standing>> {
        inventory::audit::reservations(ids).await.map_err(unreadable("inventory"))
    }
}

/// Any error of a book's contract.
fn unreadable<E: std::fmt::Debug>(book: &'static str) -> impl Fn(E) -> Unreadable {
    move |error| Unreadable { book, reason: format!("{error:?}") }
}
