//! The other functions, through their contracts, and what their errors mean for the saga.

use chassis::events::{Event, Producer, PublishError};
use chassis::money::Money;

use super::bindings::EventProducer;
use super::bindings::shop::cart::carts;
use super::bindings::shop::catalog::products;
use super::bindings::shop::inventory::stock;
use super::bindings::shop::payments::payments;
use super::bindings::shop::shipping::shipments;
use crate::domain::event::Failure;
use crate::domain::saga::{Action, Fault, RESERVATION_TTL_MS};
use crate::domain::{Item, Line, Order, Parcel, ShipmentStatus, Step, Undo, returns};
use crate::ports::{Cart, Participants, Product, Shipment, Unavailable};

/// All participants, as they are linked in the manifest.
#[derive(Clone, Copy)]
pub(super) struct LinkedParticipants;

impl Participants for LinkedParticipants {
    async fn products(&self, skus: Vec<String>) -> Result<Vec<Product>, Unavailable> {
        match products::get_many(skus).await {
            Ok(found) => Ok(found.into_iter().map(product).collect()),
            Err(products::Error::TooMany(reason) | products::Error::Unavailable(reason)) => {
                Err(Unavailable(reason))
            }
        }
    }

    async fn cart(&self, user_id: &str) -> Result<Cart, Unavailable> {
        match carts::get(user_id.to_owned()).await {
            Ok(cart) => {
                let lines = cart.lines.into_iter().map(|line| (line.sku, line.quantity));
                Ok(Cart { version: cart.version, lines: lines.collect() })
            }
            Err(carts::Error::Conflict(reason) | carts::Error::Unavailable(reason)) => {
                Err(Unavailable(reason))
            }
        }
    }

    async fn shipments(&self, order_id: &str) -> Result<Vec<Shipment>, Unavailable> {
        match shipments::of_order(order_id.to_owned()).await {
            Ok(found) => Ok(found.into_iter().map(shipment).collect()),
            Err(error) => Err(Unavailable(format!("{error:?}"))),
        }
    }

    async fn perform(&self, action: Action, order: &Order) -> Result<(), Fault> {
        match action {
            Action::Do(Step::Reserve) => reserve(order).await,
            Action::Do(Step::Authorize) => authorize(order).await,
            Action::Do(Step::Capture) => {
                payments::capture(order.payment_id()).await.map(drop).map_err(payment_fault)
            }
            Action::Do(Step::Commit) => {
                stock::commit(order.reservation_id()).await.map_err(stock_fault)
            }
            Action::Do(Step::Ship) => ship(order).await,
            Action::Do(Step::ClearCart) => clear_cart(order).await,
            Action::Undo(undo) => compensate(undo, order).await,
        }
    }

    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        EventProducer.publish(events).await
    }
}

fn product(product: products::Product) -> Product {
    Product {
        price: Money::new(product.price.amount, product.price.currency),
        sku: product.sku,
        name: product.name,
    }
}

fn shipment(shipment: shipments::Shipment) -> Shipment {
    let line = |line: shipments::Line| Line { sku: line.sku, quantity: line.quantity };
    let parcel = Parcel {
        status: match shipment.status {
            shipments::Status::Created => ShipmentStatus::Created,
            shipments::Status::InTransit => ShipmentStatus::InTransit,
            shipments::Status::AttemptFailed => ShipmentStatus::AttemptFailed,
            shipments::Status::Delivered => ShipmentStatus::Delivered,
            shipments::Status::Cancelled => ShipmentStatus::Cancelled,
            shipments::Status::Returned => ShipmentStatus::Returned,
        },
        id: shipment.id,
        courier: shipment.courier,
        tracking_code: shipment.tracking_code,
        lines: shipment.lines.into_iter().map(line).collect(),
    };
    Shipment { parcel, updated_at: shipment.updated_at }
}

async fn reserve(order: &Order) -> Result<(), Fault> {
    let line = |item: &Item| stock::Line { sku: item.sku.clone(), quantity: item.quantity };
    let lines = order.placed.items.iter().map(line).collect();
    let reserved = stock::reserve(order.reservation_id(), lines, RESERVATION_TTL_MS).await;
    reserved.map(drop).map_err(|error| match error {
        stock::Error::OutOfStock(short) => {
            let short = short.into_iter().map(|it| (it.sku, it.available));
            Fault::Refused { code: "out_of_stock", detail: order.placed.shortage(short) }
        }
        other => stock_fault(other),
    })
}

async fn authorize(order: &Order) -> Result<(), Fault> {
    let total = &order.placed.total;
    let amount = payments::Money { amount: total.amount, currency: total.currency.clone() };
    let (id, order_id) = (order.payment_id(), order.placed.id.clone());
    let method = order.placed.payment_method.clone();
    payments::authorize(id, order_id, amount, method).await.map(drop).map_err(payment_fault)
}

async fn ship(order: &Order) -> Result<(), Fault> {
    let line = |item: &Item| shipments::Line { sku: item.sku.clone(), quantity: item.quantity };
    let lines = order.placed.items.iter().map(line).collect();
    let Some(to) = order.placed.shipping_address.clone() else {
        let detail = "the address was erased".to_owned();
        return Err(Fault::Failed(Failure::Unavailable, detail));
    };
    let to = shipments::Address {
        name: to.name,
        street: to.street,
        city: to.city,
        postal_code: to.postal_code,
        country: to.country,
    };
    let (id, user_id) = (order.placed.id.clone(), order.placed.user_id.clone());
    shipments::create(id, user_id, lines, to).await.map(drop).map_err(shipment_fault)
}

async fn clear_cart(order: &Order) -> Result<(), Fault> {
    let Some(version) = order.placed.cart_version else { return Ok(()) };
    match carts::clear(order.placed.user_id.clone(), version).await {
        // Items that were added since then stay in the cart.
        Ok(()) | Err(carts::Error::Conflict(_)) => Ok(()),
        Err(carts::Error::Unavailable(reason)) => Err(Fault::Failed(Failure::Unknown, reason)),
    }
}

async fn compensate(undo: Undo, order: &Order) -> Result<(), Fault> {
    match undo {
        Undo::CancelShipment => {
            shipments::cancel(order.placed.id.clone()).await.map_err(shipment_fault)
        }
        Undo::TakeBack => stock::take_back(order.reservation_id()).await.map_err(stock_fault),
        Undo::Release => stock::release(order.reservation_id()).await.map_err(stock_fault),
        Undo::CancelPayment => {
            let (id, order_id) = (order.payment_id(), order.placed.id.clone());
            payments::cancel(id, order_id).await.map(drop).map_err(payment_fault)
        }
        Undo::RefundParcel | Undo::RestockParcel => match returns::target(order, undo) {
            Some(parcel) => refund_or_restock(undo, order, parcel).await,
            None => Ok(()),
        },
    }
}

/// Both use the parcel's id, so each parcel is refunded and restocked once.
async fn refund_or_restock(undo: Undo, order: &Order, parcel: &Parcel) -> Result<(), Fault> {
    if undo == Undo::RefundParcel {
        let worth = returns::worth(order, parcel);
        let amount = payments::Money { amount: worth.amount, currency: worth.currency };
        let refunded = payments::refund(order.payment_id(), parcel.id.clone(), amount).await;
        return refunded.map(drop).map_err(payment_fault);
    }
    let line = |line: &Line| stock::Line { sku: line.sku.clone(), quantity: line.quantity };
    let lines = parcel.lines.iter().map(line).collect();
    stock::restock(order.reservation_id(), parcel.id.clone(), lines).await.map_err(stock_fault)
}

fn stock_fault(error: stock::Error) -> Fault {
    match error {
        stock::Error::OutOfStock(short) => {
            let skus: Vec<String> =
                short.into_iter().map(|it| format!("{} ({} left)", it.sku, it.available)).collect();
            let detail = format!("Not enough in stock: {}.", skus.join(", "));
            Fault::Refused { code: "out_of_stock", detail }
        }
        stock::Error::Expired(_) | stock::Error::NotFound(_) => Fault::ReservationLost,
        // The outcome is unknown. A repetition with the same id resolves it.
        stock::Error::Unavailable(reason) => Fault::Failed(Failure::Unknown, reason),
        stock::Error::Committed(detail)
        | stock::Error::Conflict(detail)
        | stock::Error::Invalid(detail) => Fault::Refused { code: "stock_refused", detail },
    }
}

fn payment_fault(error: payments::Error) -> Fault {
    let refused = |code, detail: &str| Fault::Refused { code, detail: detail.to_owned() };
    match error {
        payments::Error::Declined(reason) => match reason {
            payments::DeclineReason::CardDeclined => {
                refused("card_declined", "The card was declined.")
            }
            payments::DeclineReason::InsufficientFunds => {
                refused("insufficient_funds", "There is not enough money on the card.")
            }
            payments::DeclineReason::InvalidMethod => {
                refused("invalid_payment_method", "The payment method can't be used.")
            }
            payments::DeclineReason::Other => {
                refused("payment_declined", "The payment was declined.")
            }
        },
        payments::Error::UnknownOutcome(reason) => Fault::Failed(Failure::Unknown, reason),
        payments::Error::Unavailable(reason) => Fault::Failed(Failure::Unavailable, reason),
        payments::Error::Conflict(payments::Status::Unknown) => {
            Fault::Failed(Failure::Unknown, "the outcome of the payment is unknown".to_owned())
        }
        payments::Error::Conflict(_) => refused("payment_cancelled", "The payment was canceled."),
        payments::Error::Mismatch(detail) => Fault::Mismatch(detail),
        payments::Error::NotFound(detail) | payments::Error::Invalid(detail) => {
            Fault::Refused { code: "payment_refused", detail }
        }
    }
}

fn shipment_fault(error: shipments::Error) -> Fault {
    match error {
        shipments::Error::TooLate(detail) => Fault::TooLate(detail),
        shipments::Error::Cancelled(detail) | shipments::Error::Invalid(detail) => {
            Fault::Refused { code: "not_shippable", detail }
        }
        shipments::Error::Unavailable(reason) => Fault::Failed(Failure::Unknown, reason),
    }
}
