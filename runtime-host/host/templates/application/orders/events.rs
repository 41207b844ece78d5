//! The events of this component.

use crate::component::producer::{Error, Event, publish};
use std::time::SystemTime;

/// Publishes that an order was placed. Returns when the event is on disk.
pub(crate) async fn order_placed(id: &str, order: &str) -> Result<(), String> {
    let event = Event {
        id: id.to_owned(),
        source: "/{{name}}/orders".to_owned(),
        type_: "com.example.orders.order.placed.v1".to_owned(),
        subject: Some(id.to_owned()),
        time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        partition_key: id.to_owned(),
        sequence: None,
        trace_parent: None,
        data_content_type: "application/json".to_owned(),
        data: order.to_owned(),
    };
    publish(vec![event]).await.map_err(|error| match error {
        Error::Invalid(reason) | Error::Unavailable(reason) => reason,
    })
}
