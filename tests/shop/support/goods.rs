//! Products of a scenario, stock and ledger.

use super::{Api, Shop, eventually, unique};
use serde_json::{Value, json};
use std::time::Duration;

/// The timeout for the provider's statement, which waits for interrupted movements.
const BOTH_SIDES: Duration = Duration::from_secs(120);

impl Shop {
    /// Creates a product with this stock at 12.50 euros each. Returns its SKU.
    pub(crate) async fn product(&self, admin: &Api, pieces: u32) -> String {
        let sku = format!("TEST-{}", unique());
        let product = product(&sku, 1_250);
        admin.post("/api/v1/products", &product).await.expect(201);
        let received = json!({"received": pieces});
        admin.put(&format!("/api/v1/inventory/{sku}"), &received).await.expect(200);
        sku
    }
}

/// A body of `POST /api/v1/products`.
pub(crate) fn product(sku: &str, amount: u32) -> Value {
    json!({
        "sku": sku,
        "name": format!("Sample {sku}"),
        "description": "The product of one scenario.",
        "category": "Samples",
        "price": {"amount": amount, "currency": "EUR"},
    })
}

impl Api {
    /// `[received, on_hand, reserved, sold]` of a product, for administrators.
    pub(crate) async fn stock(&self, sku: &str) -> [u64; 4] {
        let stock = self.get(&format!("/api/v1/inventory/{sku}")).await.expect(200).json();
        let levels = ["received", "on_hand", "reserved", "sold"];
        let levels = levels.map(|level| stock[level].as_u64().expect("a count"));
        let [received, on_hand, reserved, sold] = levels;
        assert_eq!(received, on_hand + reserved + sold, "{stock}");
        levels
    }

    /// The postings of one order, for administrators, when both sides of the ledger are complete:
    /// account and amount, with the provider's side first.
    pub(crate) async fn postings(&self, order: &Value) -> Vec<(String, i64)> {
        eventually("both sides of the ledger agree", BOTH_SIDES, async || {
            let ledger = self.all("/api/v1/payments/ledger", 100).await;
            let own = ledger.iter().filter(|posting| posting["order_id"] == order["id"]);
            let own = own.map(|posting| {
                let account = posting["account"].as_str().expect("an account");
                (account.to_owned(), posting["amount"].as_i64().expect("an amount"))
            });
            let mut own: Vec<(String, i64)> = own.collect();
            own.sort_by(|one, other| other.0.cmp(&one.0));
            // Each movement is one line on each side. Comparing only sums would miss a capture and
            // its refund that the provider's side does not have.
            let theirs = own.iter().filter(|(account, _)| account == "psp_clearing").count();
            let sum: i64 = own.iter().map(|(_, amount)| amount).sum();
            (sum == 0 && 2 * theirs == own.len()).then_some(own)
        })
        .await
    }
}

impl Api {
    /// Reports the status of all parcels of an order, for an administrator, and waits until the
    /// owner of the order sees it.
    pub(crate) async fn report(&self, owner: &super::Customer, order: &str, status: &str) {
        let parcels = owner.api.get(&format!("/api/v1/orders/{order}/shipments")).await.expect(200);
        for parcel in parcels.json()["items"].as_array().expect("parcels") {
            let path = format!("/api/v1/shipments/{}/events", parcel["id"].as_str().expect("id"));
            self.post(&path, &json!({"status": status})).await.expect(200);
        }
        let status = if status == "in_transit" { "shipped" } else { status };
        owner.with_status(order, status).await;
    }
}
