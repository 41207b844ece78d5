//! The books of all functions through their audit contracts.

use super::bindings::shop::inventory::audit as inventory;
use super::bindings::shop::notifications::audit as notifications;
use super::bindings::shop::notifications::notifier::Channel;
use super::bindings::shop::order_history::audit as history;
use super::bindings::shop::orders::audit as orders;
use super::bindings::shop::orders::orders::Status as OrderState;
use super::bindings::shop::payments::audit as payments;
use super::bindings::shop::payments::payments::Status as PaymentState;
use super::bindings::shop::shipping::audit as shipping;
use super::bindings::shop::shipping::shipments;
use super::bindings::shop::values::values;
use crate::domain::{
    Claim, Line, Message, MessageStatus, Money, Order, OrderStatus, Payment, Posting, Projected,
    Shipment, Shipping, Sku, Standing, StatementLine,
};
use crate::ports::{Part, Reading, Sources, Unreadable};

/// The functions of this application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audits;

impl Sources for Audits {
    async fn orders(&self, after: Option<String>, limit: u32) -> Reading<Part<Order>> {
        let page = orders::orders(after, limit).await.map_err(unreadable("orders"))?;
        Ok(part(page.entries, page.next))
    }

    async fn payments(&self, after: Option<String>, limit: u32) -> Reading<Part<Payment>> {
        let page = payments::payments(after, limit).await.map_err(unreadable("payments"))?;
        Ok(part(page.entries, page.next))
    }

    async fn ledger(&self, after: Option<String>) -> Reading<Part<Posting>> {
        let page = payments::ledger(after).await.map_err(unreadable("payments"))?;
        Ok(part(page.entries, page.next))
    }

    async fn statement(&self, after: Option<String>) -> Reading<Part<StatementLine>> {
        let page = payments::statement(after).await.map_err(unreadable("payments"))?;
        Ok(part(page.entries, page.next))
    }

    async fn skus(&self, after: Option<String>, limit: u32) -> Reading<Part<Sku>> {
        let page = inventory::skus(after, limit).await.map_err(unreadable("inventory"))?;
        Ok(part(page.entries, page.next))
    }

    async fn reservations(&self, ids: Vec<String>) -> Reading<Vec<Standing>> {
        let standings = inventory::reservations(ids).await.map_err(unreadable("inventory"))?;
        Ok(standings.into_iter().map(Into::into).collect())
    }

    async fn shipping(&self, after: Option<String>, limit: u32) -> Reading<Part<Shipping>> {
        let page = shipping::orders(after, limit).await.map_err(unreadable("shipping"))?;
        Ok(part(page.entries, page.next))
    }

    async fn messages(&self, after: Option<String>, limit: u32) -> Reading<Part<Message>> {
        let page = notifications::messages(after, limit).await;
        let page = page.map_err(unreadable("notifications"))?;
        Ok(part(page.entries, page.next))
    }

    async fn projection(&self, after: Option<String>, limit: u32) -> Reading<Part<Projected>> {
        let page = history::orders(after, limit).await.map_err(unreadable("order-history"))?;
        Ok(part(page.entries, page.next))
    }
}

fn part<T, U: From<T>>(entries: Vec<T>, next: Option<String>) -> Part<U> {
    Part { entries: entries.into_iter().map(U::from).collect(), next }
}

/// An answer that is no book, whichever of the contract's errors it is.
fn unreadable<E: std::fmt::Debug>(book: &'static str) -> impl Fn(E) -> Unreadable {
    move |error| Unreadable { book, reason: format!("{error:?}") }
}

fn money(money: values::Money) -> Money {
    Money { amount: money.amount, currency: money.currency }
}

fn lines(lines: Vec<values::Line>) -> Vec<Line> {
    let line = |line: values::Line| Line { sku: line.sku, quantity: line.quantity };
    lines.into_iter().map(line).collect()
}

impl From<orders::Entry> for Order {
    fn from(entry: orders::Entry) -> Order {
        Order {
            id: entry.id,
            user_id: entry.user_id,
            status: match entry.status {
                OrderState::Pending => OrderStatus::Pending,
                OrderState::Confirmed => OrderStatus::Confirmed,
                OrderState::Shipped => OrderStatus::Shipped,
                OrderState::Delivered => OrderStatus::Delivered,
                OrderState::Cancelled => OrderStatus::Cancelled,
                OrderState::Rejected => OrderStatus::Rejected,
                OrderState::Returned => OrderStatus::Returned,
            },
            lines: lines(entry.lines),
            total: money(entry.total),
            reservation_id: entry.reservation_id,
            refunded: entry.refunded,
            restocked: lines(entry.restocked),
            last_sequence: entry.last_sequence,
            outbox_length: entry.outbox_length,
            settled: entry.settled,
            parked: entry.parked,
            parked_since_ms: entry.parked_since_ms,
            faults: entry.faults,
        }
    }
}

impl From<payments::Entry> for Payment {
    fn from(entry: payments::Entry) -> Payment {
        Payment {
            is_unknown: entry.status == PaymentState::Unknown,
            id: entry.id,
            order_id: entry.order_id,
            currency: entry.currency,
            captured: entry.captured,
            refunded: entry.refunded,
            charged_back: entry.charged_back,
            held: entry.held,
            unstated: entry.unstated,
        }
    }
}

impl From<payments::Posting> for Posting {
    fn from(posting: payments::Posting) -> Posting {
        let amount = posting.amount.amount;
        let (customer_funds, psp_clearing) = match posting.side {
            payments::Side::CustomerFunds => (amount, 0),
            payments::Side::PspClearing => (0, amount),
        };
        Posting {
            payment_id: posting.payment_id,
            order_id: posting.order_id,
            currency: posting.amount.currency,
            customer_funds,
            psp_clearing,
        }
    }
}

impl From<payments::StatementLine> for StatementLine {
    fn from(line: payments::StatementLine) -> StatementLine {
        StatementLine {
            payment_id: line.payment_id,
            order_id: line.order_id,
            currency: line.amount.currency,
            amount: line.amount.amount,
            at_ms: line.at_ms,
        }
    }
}

impl From<inventory::Entry> for Sku {
    fn from(entry: inventory::Entry) -> Sku {
        let claim = |claim: inventory::Claim| Claim {
            reservation_id: claim.reservation_id,
            quantity: claim.quantity,
            expires_at_ms: claim.expires_at,
        };
        Sku {
            sku: entry.sku,
            received: entry.received,
            on_hand: entry.on_hand,
            reserved: entry.reserved,
            sold: entry.sold,
            claims: entry.claims.into_iter().map(claim).collect(),
        }
    }
}

impl From<inventory::Standing> for Standing {
    fn from(standing: inventory::Standing) -> Standing {
        match standing {
            inventory::Standing::Unknown => Standing::Unknown,
            inventory::Standing::Held => Standing::Held,
            inventory::Standing::Committed => Standing::Committed,
            inventory::Standing::Released => Standing::Released,
            inventory::Standing::Expired => Standing::Expired,
            inventory::Standing::TakenBack => Standing::TakenBack,
        }
    }
}

impl From<shipping::Entry> for Shipping {
    fn from(entry: shipping::Entry) -> Shipping {
        let shipment = |shipment: shipments::Shipment| Shipment {
            id: shipment.id,
            is_live: shipment.status != shipments::Status::Cancelled,
            came_back: shipment.status == shipments::Status::Returned,
            lines: lines(shipment.lines),
        };
        Shipping {
            order_id: entry.order_id,
            cancelled: entry.cancelled,
            shipments: entry.shipments.into_iter().map(shipment).collect(),
            last_sequence: entry.last_sequence,
            outbox_length: entry.outbox_length,
        }
    }
}

impl From<notifications::Entry> for Message {
    fn from(entry: notifications::Entry) -> Message {
        Message {
            id: entry.notification_id,
            request_id: entry.request_id,
            order_id: entry.subject,
            template: entry.template_code,
            channel: match entry.channel {
                Channel::Email => "email".to_owned(),
                Channel::Push => "push".to_owned(),
            },
            status: match entry.status {
                notifications::Status::Pending => MessageStatus::Pending,
                notifications::Status::Sent => MessageStatus::Sent,
                notifications::Status::Suppressed => MessageStatus::Suppressed,
                notifications::Status::Failed => MessageStatus::Failed,
            },
            sends: entry.sends,
        }
    }
}

impl From<history::Entry> for Projected {
    fn from(entry: history::Entry) -> Projected {
        Projected {
            order_id: entry.order_id,
            user_id: entry.user_id,
            status: entry.status,
            total: money(entry.total),
            last_sequence: entry.last_sequence,
        }
    }
}
