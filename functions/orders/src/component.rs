//! The adapter to the host: store, clock, contract.

mod audit;
mod participants;

use axum::Router;
use bindings::exports::shop::orders::orders as contract;
use chassis::clock::{SystemClock, rfc3339};
use chassis::money::Money;
use chassis::store::{SpinStore, StoreError};

use crate::domain::{Address, Item, Order, Status};
use crate::routes::Api;
use crate::service::Orders;
use participants::LinkedParticipants;

contracts::function!("orders");

struct Component;

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let api = Api {
        orders: orders(store.clone()).await,
        store: store.clone(),
        keys: bindings::IdentityKeys,
    };
    Ok(bindings::complete(crate::routes::router(api), store))
}

/// The service for one request, with a unique name for its leases and marks.
async fn orders(store: SpinStore) -> Orders<SpinStore, LinkedParticipants, SystemClock> {
    let orders = Orders::new(store, LinkedParticipants, SystemClock, chassis::id::new("run"))
        .with_incarnation(chassis::incarnation::current());
    let lease_ms = chassis::config::optional("order_lease_ms").await.ok().flatten();
    match lease_ms.and_then(|text| text.parse().ok()) {
        Some(lease_ms) => orders.with_lease_ms(lease_ms),
        None => orders,
    }
}

impl contract::Guest for Component {
    async fn get(id: String) -> Result<contract::Order, contract::Error> {
        let unavailable = |error: StoreError| contract::Error::Unavailable(error.to_string());
        let store = bindings::store().map_err(unavailable)?;
        let loaded = orders(store).await.touch(&id).await.map_err(unavailable)?;
        match loaded {
            Some(loaded) => Ok(view(loaded.order)),
            None => Err(contract::Error::NotFound("there is no such order".to_owned())),
        }
    }
}

fn status(status: Status) -> contract::Status {
    match status {
        Status::Pending => contract::Status::Pending,
        Status::Confirmed => contract::Status::Confirmed,
        Status::Shipped => contract::Status::Shipped,
        Status::Delivered => contract::Status::Delivered,
        Status::Cancelled => contract::Status::Cancelled,
        Status::Rejected => contract::Status::Rejected,
        Status::Returned => contract::Status::Returned,
    }
}

fn lines(items: Vec<Item>) -> Vec<contract::Line> {
    let line = |item: Item| contract::Line { sku: item.sku, quantity: item.quantity };
    items.into_iter().map(line).collect()
}

fn money(money: Money) -> contract::Money {
    contract::Money { amount: money.amount, currency: money.currency }
}

fn view(order: Order) -> contract::Order {
    let address = |to: Address| contract::Address {
        name: to.name,
        street: to.street,
        city: to.city,
        postal_code: to.postal_code,
        country: to.country,
    };
    contract::Order {
        id: order.placed.id,
        user_id: order.placed.user_id,
        status: status(order.status),
        lines: lines(order.placed.items),
        total: money(order.placed.total),
        shipping_address: order.placed.shipping_address.map(address),
        created_at: rfc3339(order.created_at_ms),
    }
}
