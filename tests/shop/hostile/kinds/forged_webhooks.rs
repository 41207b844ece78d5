//! Webhooks that the payment provider has not sent.

use crate::hostile::{Seen, Visitor};
use crate::support::{Api, unique};
use fastrand::Rng;
use harness::Answer;
use http::Method;
use psp_sandbox::signature;
use serde_json::json;
use std::time::SystemTime;
use uuid::Uuid;

/// The default secret, which is published in the manifest.
pub(crate) const PUBLISHED_SECRET: &str = "sandbox-webhook-secret";
/// A wrong secret.
const GUESSED_SECRET: &str = "a guess at the secret";
/// States of a charge: paid, and three in which nothing is paid.
const STATES: [&str; 4] = ["approved", "refused", "reversed", "lapsed"];
/// How many orders of other customers a visit forges webhooks for.
const OTHERS: usize = 4;
/// The price of an order, in cents.
const VALUE: i64 = 1_250;

/// Sends an event about the payment of an order, signed as the provider does it. None if there is
/// no answer.
pub(crate) async fn forge(
    api: &Api,
    secret: &str,
    order: &str,
    state: &str,
    value: i64,
) -> Option<Answer> {
    let event = json!({
        "id": format!("evt_{}", unique()),
        "type": format!("charge.{state}"),
        "created": 1,
        "data": {
            "chargeId": "ch_forged", "merchantRef": order.replace("ord_", "pay_"), "state": state,
            "value": value, "ccy": "EUR", "capturedValue": value, "reversedValue": 0,
            "refusalCode": null,
        },
    });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs();
    let signed = signature::sign(secret, now, event.to_string().as_bytes());
    let (path, json) = ("/webhooks/psp", Some("application/json"));
    api.with(signature::HEADER, &signed).try_send(Method::POST, path, json, event.to_string()).await
}

pub(super) async fn visit(visitor: &Visitor, rng: &mut Rng) -> Seen {
    let mut orders = visitor.known_orders.some(rng, OTHERS);
    // An own order that was declined, and one that does not exist.
    orders.extend(visitor.order("tok_declined").await);
    orders.push(format!("ord_{}", Uuid::now_v7()));
    let mut seen = Seen::default();
    for order in &orders {
        for state in STATES {
            for secret in [PUBLISHED_SECRET, GUESSED_SECRET] {
                let answer = forge(&visitor.api, secret, order, state, VALUE).await;
                seen.note(answer.map(|answer| answer.status.as_u16()));
            }
        }
    }
    seen
}
