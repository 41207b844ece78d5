//! Shipping on a host: store, variable, contract.

use axum::response::IntoResponse as _;
use bindings::exports::shop::shipping::shipments as contract;
use chassis::Problem;
use chassis::clock::{now_ms, rfc3339};
use chassis::config::optional;
use chassis::store::SpinStore;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::domain::{Address, Line, Parcel, Simulation, Status};
use crate::routes::{self, Api};
use crate::service::{Refusal, Shipping};

contracts::function!("shipping");

/// Until a sandbox courier picks a parcel up, unless `courier_simulation_ms` says otherwise.
const PICKUP_MS_DEFAULT: u64 = 4_000;

struct Component;

async fn shipping() -> Result<Shipping<SpinStore>, String> {
    let given = optional("courier_simulation_ms").await.map_err(|error| error.to_string())?;
    let pickup_ms = match given.filter(|text| !text.is_empty()) {
        Some(text) => text
            .parse()
            .map_err(|_| "the variable `courier_simulation_ms` is not a number".to_owned())?,
        None => PICKUP_MS_DEFAULT,
    };
    let store = SpinStore::open("shipping").map_err(|error| error.to_string())?;
    Ok(Shipping::new(store, Simulation { pickup_ms }, now_ms))
}

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let routes = match shipping().await {
        Ok(shipping) => routes::router(Api { shipping, keys: bindings::IdentityKeys }),
        Err(reason) => {
            eprintln!("shipping: {reason}");
            return Problem::internal().into_response();
        }
    };
    let router = routes.merge(chassis::rpc::router(bindings::dispatch));
    chassis::app::serve(chassis::app::router_with_problems(router), request).await
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
        let shipping = shipping().await.map_err(contract::Error::Unavailable)?;
        let parcels = shipping.create(&order_id, &user_id, &lines, to).await.map_err(error)?;
        Ok(shipments(&order_id, parcels))
    }

    async fn of_order(order_id: String) -> Result<Vec<contract::Shipment>, contract::Error> {
        let shipping = shipping().await.map_err(contract::Error::Unavailable)?;
        let parcels = shipping.of_order(&order_id).await.map_err(error)?;
        Ok(shipments(&order_id, parcels))
    }

    async fn cancel(order_id: String) -> Result<(), contract::Error> {
        let shipping = shipping().await.map_err(contract::Error::Unavailable)?;
        shipping.cancel(&order_id).await.map_err(error)
    }
}

fn shipments(order_id: &str, parcels: Vec<Parcel>) -> Vec<contract::Shipment> {
    let shipment = |parcel: Parcel| contract::Shipment {
        order_id: order_id.to_owned(),
        status: match parcel.status() {
            Status::Created => contract::Status::Created,
            Status::InTransit => contract::Status::InTransit,
            Status::Delivered => contract::Status::Delivered,
            Status::Cancelled => contract::Status::Cancelled,
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
        Refusal::TooLate => contract::Error::TooLate("the parcel is on its way".to_owned()),
        Refusal::Cancelled => contract::Error::Cancelled("it was called off".to_owned()),
        Refusal::Invalid(reason) => contract::Error::Invalid(reason),
        Refusal::Unavailable(reason) => contract::Error::Unavailable(reason),
        Refusal::NotFound | Refusal::WrongStatus(..) => {
            contract::Error::Invalid("there is no such shipment".to_owned())
        }
    }
}
