//! Messages for MQTT brokers, by both versions of the interface.

use super::bindings::fermyon::spin::mqtt as v2;
use super::{Done, debug, parameter};
use http::Uri;
use spin_sdk::mqtt::{Connection, Qos};

/// Publishes `count` messages, `m0` and so on, on one connection.
pub(crate) async fn publish(uri: &Uri) -> Done {
    let wanted = |name| parameter(uri, name);
    let opened =
        Connection::open(wanted("address"), wanted("user"), wanted("password"), keep_alive(uri));
    let connection = opened.await.map_err(debug)?;
    let quality = match wanted("qos").as_str() {
        "2" => Qos::ExactlyOnce,
        "1" => Qos::AtLeastOnce,
        _ => Qos::AtMostOnce,
    };
    for number in 0..count(uri) {
        let message = format!("m{number}").into_bytes();
        connection.publish(wanted("topic"), message, quality).await.map_err(debug)?;
    }
    Ok(String::new())
}

/// The same by the synchronous interface.
pub(crate) fn publish_2(uri: &Uri) -> Done {
    let wanted = |name| parameter(uri, name);
    let connection = v2::Connection::open(
        &wanted("address"),
        &wanted("user"),
        &wanted("password"),
        keep_alive(uri),
    )
    .map_err(debug)?;
    let quality = match wanted("qos").as_str() {
        "2" => v2::Qos::ExactlyOnce,
        "1" => v2::Qos::AtLeastOnce,
        _ => v2::Qos::AtMostOnce,
    };
    for number in 0..count(uri) {
        let message = format!("m{number}");
        connection.publish(&wanted("topic"), message.as_bytes(), quality).map_err(debug)?;
    }
    Ok(String::new())
}

/// How many connections could be opened at once, and the error of the next one.
pub(crate) async fn open(address: &str, count: usize) -> Done {
    let mut open = Vec::new();
    while open.len() < count {
        match Connection::open(address, "", "", 0).await {
            Ok(connection) => open.push(connection),
            Err(error) => return Err(format!("{}: {error:?}", open.len())),
        }
    }
    Ok(open.len().to_string())
}

fn count(uri: &Uri) -> usize {
    parameter(uri, "count").parse().unwrap_or(1)
}

fn keep_alive(uri: &Uri) -> u64 {
    parameter(uri, "keep_alive").parse().unwrap_or(30)
}
