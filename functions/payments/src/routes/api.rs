//! The operations of payments.
#![allow(dead_code, reason = "the types of requests only describe them")]

use chassis::openapi::Api;
use chassis::page::Page;
use chassis::{Problem, ProblemType};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::view::{PaymentView, PostingView};

/// An event of the payment provider, in its own format.
#[derive(JsonSchema)]
#[schemars(inline)]
struct PaymentEvent {}

const PAYMENT: &str = "pay_0192f0c4-7a10-7c3e-9d5b-2f1f5f0a9c40";
const ORDER: &str = "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11";
const AT: &str = "2026-01-31T12:00:00.000Z";

fn api() -> Api {
    let mut api = Api::new("administration");
    let money = json!({"amount": 2598, "currency": "EUR"});
    api.operation("getPayment", "Get a payment", "With all its events.")
        .ok::<PaymentView>(
            "The payment.",
            &json!({
                "id": PAYMENT,
                "order_id": ORDER,
                "status": "captured",
                "amount": 2598,
                "currency": "EUR",
                "captured": 2598,
                "refunded": 0,
                "charged_back": 0,
                "deviation": null,
                "barred": false,
                "reference": "ch_0192f0c4",
                "events": [
                    {"sequence": 1, "at": AT, "type": "authorization_asked", "order_id": ORDER,
                     "amount": money, "method": "tok_approved"},
                    {"sequence": 2, "at": AT, "type": "authorized", "reference": "ch_0192f0c4",
                     "amount": money},
                    {"sequence": 3, "at": AT, "type": "captured", "amount": money},
                    {"sequence": 4, "at": "2026-01-31T12:00:01.000Z", "type": "stated",
                     "line": 17, "kind": "capture", "amount": money},
                ],
            }),
        )
        .problems([404]);
    api.operation(
        "listLedger",
        "List the ledger",
        "Double-entry lines, oldest first. One side is what the payment provider has \
         acknowledged, the other is what its statement says.",
    )
    .paged()
    .ok::<Page<PostingView>>(
        "A page.",
        &json!({
            "items": [
                {"id": format!("{PAYMENT}.3.1"), "order_id": ORDER, "account": "customer_funds",
                 "amount": -2598, "currency": "EUR", "at": AT},
                {"id": format!("{PAYMENT}.4.1"), "order_id": ORDER, "account": "psp_clearing",
                 "amount": 2598, "currency": "EUR", "at": AT},
            ],
            "next_cursor": null,
        }),
    );
    api.operation(
        "receivePaymentEvent",
        "Receive an event of the payment provider",
        "For the payment provider only. The signature is verified over the bytes of the body. The \
         webhook is only a hint; the provider's API is authoritative.",
    )
    .body::<PaymentEvent>(&Value::Null)
    .empty(204, "The event was processed.")
    .problem(
        "The signature is missing, wrong or too old.",
        &Problem::new(ProblemType::Unauthorized).detail("The signature is missing or wrong."),
    )
    .problems([404]);
    api
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
