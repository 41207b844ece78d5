//! The component: contracts, HTTP routes, variables and the store.

use axum::Router;
use bindings::EventProducer;
use bindings::exports::shop::shipping::{audit as books, shipments as contract};
use chassis::SystemClock;
use chassis::app::Unready;
use chassis::clock::rfc3339;
use chassis::config::{ConfigError, optional};
use chassis::register::{PAGE_MAX, position};
use chassis::store::SpinStore;

use crate::domain::{Address, Consignment, Line, Parcel, Refusal, Simulation, Status};
use crate::routes::Api;
use crate::service::Shipping;

contracts::function!("shipping");

/// The time until a simulated courier picks a parcel up, unless `courier_simulation_ms` is set.
const PICKUP_MS_DEFAULT: u64 = 4_000;

struct Component;

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let api = Api { shipping: shipping(store.clone()).await?, keys: bindings::IdentityKeys };
    Ok(bindings::complete(crate::routes::router(api), store))
}

type Service = Shipping<SpinStore, EventProducer, SystemClock>;

async fn shipping(store: SpinStore) -> Result<Service, ConfigError> {
    let pickup_ms = match optional("courier_simulation_ms").await? {
        Some(text) => text.parse().map_err(|_| {
            ConfigError("the variable `courier_simulation_ms` is not a number".to_owned())
        })?,
        None => PICKUP_MS_DEFAULT,
    };
    Ok(Shipping::new(store, EventProducer, Simulation { pickup_ms }, SystemClock))
}

/// The service for one call of the contract.
async fn service() -> Result<Service, Unready> {
    Ok(shipping(bindings::store()?).await?)
}

impl From<Unready> for contract::Error {
    fn from(error: Unready) -> contract::Error {
        contract::Error::Unavailable(error.to_string())
    }
}

impl contract::Guest for Component {
    async fn create(
        order_id: String,
        user_id: String,
        lines: Vec<contract::Line>,
        to: contract::Address,
    ) -> Result<Vec<contract::Shipment>, contract::Error> {
        let lines: Vec<Line> =
            lines.into_iter().map(|line| Line { sku: line.sku, quantity: line.quantity }).collect();
        let to = Address {
            name: to.name,
            street: to.street,
            city: to.city,
            postal_code: to.postal_code,
            country: to.country,
        };
        let parcels =
            service().await?.create(&order_id, &user_id, &lines, to).await.map_err(error)?;
        Ok(shipments(&order_id, parcels))
    }

    async fn of_order(order_id: String) -> Result<Vec<contract::Shipment>, contract::Error> {
        let parcels = service().await?.of_order(&order_id).await.map_err(error)?;
        Ok(shipments(&order_id, parcels))
    }

    async fn cancel(order_id: String) -> Result<(), contract::Error> {
        service().await?.cancel(&order_id).await.map_err(error)
    }
}

impl books::Guest for Component {
    async fn orders(after: Option<String>, limit: u32) -> Result<books::Page, books::Error> {
        let at = position(after.as_deref()).filter(|_| (1..=PAGE_MAX).contains(&limit));
        let at = at.ok_or_else(|| {
            books::Error::Invalid(format!("`after` {after:?}, or a limit beyond {PAGE_MAX}"))
        })?;
        let page = service()
            .await?
            .books(at, limit)
            .await
            .map_err(|error| books::Error::Unavailable(error.to_string()))?;
        Ok(books::Page {
            entries: page.entries.into_iter().map(entry).collect(),
            next: page.next.map(|next| next.to_string()),
        })
    }
}

impl From<Unready> for books::Error {
    fn from(error: Unready) -> books::Error {
        books::Error::Unavailable(error.to_string())
    }
}

fn entry(consignment: Consignment) -> books::Entry {
    books::Entry {
        cancelled: consignment.barred,
        last_sequence: consignment.outbox.last_sequence(),
        outbox_length: u32::try_from(consignment.outbox.len()).unwrap_or(u32::MAX),
        shipments: shipments(&consignment.order_id, consignment.parcels),
        order_id: consignment.order_id,
    }
}

fn shipments(order_id: &str, parcels: Vec<Parcel>) -> Vec<contract::Shipment> {
    let shipment = |parcel: Parcel| contract::Shipment {
        order_id: order_id.to_owned(),
        status: match parcel.status() {
            Status::Created => contract::Status::Created,
            Status::InTransit => contract::Status::InTransit,
            Status::AttemptFailed => contract::Status::AttemptFailed,
            Status::Delivered => contract::Status::Delivered,
            Status::Cancelled => contract::Status::Cancelled,
            Status::Returned => contract::Status::Returned,
        },
        updated_at: rfc3339(parcel.updated_at_ms()),
        id: parcel.id,
        courier: parcel.courier,
        tracking_code: parcel.tracking_code,
        lines: parcel
            .lines
            .into_iter()
            .map(|line| contract::Line { sku: line.sku, quantity: line.quantity })
            .collect(),
    };
    parcels.into_iter().map(shipment).collect()
}

fn error(refusal: Refusal) -> contract::Error {
    match refusal {
        Refusal::TooLate => contract::Error::TooLate("the parcel is in transit".to_owned()),
        Refusal::Cancelled => contract::Error::Cancelled("shipping was cancelled".to_owned()),
        Refusal::Invalid(reason) => contract::Error::Invalid(reason),
        Refusal::Unavailable(reason) => contract::Error::Unavailable(reason),
        Refusal::NotFound | Refusal::WrongStatus(..) => {
            contract::Error::Invalid("there is no such shipment".to_owned())
        }
    }
}
