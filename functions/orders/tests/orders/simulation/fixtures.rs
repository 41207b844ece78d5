//! Orders and events for tests.

use std::collections::BTreeMap;

use chassis::events::Event;
use chassis::money::Money;
use orders::domain::{Address, Order, Placed};
use orders::service::{NewOrder, SHIPMENT_CHANGED};
use serde_json::{Value, json};

use super::{ID, Process, QUANTITY};

fn address() -> Address {
    Address {
        name: "Ada".to_owned(),
        street: "Hauptstr. 1".to_owned(),
        city: "Wien".to_owned(),
        postal_code: "1010".to_owned(),
        country: "AT".to_owned(),
    }
}

fn new_order() -> NewOrder {
    NewOrder {
        lines: Some(vec![("SKU-1".to_owned(), QUANTITY)]),
        shipping_address: address(),
        payment_method: "tok_approved".to_owned(),
        expected_total: None,
    }
}

/// Places the order [`ID`].
pub(crate) async fn place(process: Process) -> Order {
    place_as(process, ID).await
}

pub(crate) async fn place_as(process: Process, id: &str) -> Order {
    process.place(id, "usr_1", new_order()).await.unwrap().order
}

/// An order without items.
pub(crate) fn placed(id: &str) -> Placed {
    Placed {
        id: id.to_owned(),
        user_id: "usr_1".to_owned(),
        items: Vec::new(),
        total: Money::new(1, "EUR"),
        shipping_address: Some(address()),
        payment_method: "tok_approved".to_owned(),
        cart_version: None,
    }
}

/// The event of shipping about parcels with these quantities and statuses.
pub(crate) fn shipment_event(id: &str, sequence: u64, parcels: &[(u32, &str)]) -> Event {
    let parcel = |(number, (quantity, status)): (usize, &(u32, &str))| {
        json!({
            "id": format!("shp_{number}"), "status": status, "courier": "north",
            "tracking_code": "T1", "lines": [{"sku": "SKU-1", "quantity": quantity}],
        })
    };
    let parcels: Vec<Value> = (1..).zip(parcels).map(parcel).collect();
    Event {
        id: format!("{id}.{sequence}"),
        source: "/shop/shipping".to_owned(),
        kind: SHIPMENT_CHANGED.to_owned(),
        subject: Some(id.to_owned()),
        time: None,
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([("sequence".to_owned(), sequence.to_string())]),
        data: json!({"order_id": id, "cancelled": false, "shipments": parcels}).to_string(),
    }
}
