#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::Line;
use chassis::testing::{Client, Issuer, MemoryStore};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/inventory/SKU-1";

fn client() -> (Inventory<MemoryStore>, Client) {
    let inventory = Inventory::new(MemoryStore::new());
    let app = App { inventory: inventory.clone(), keys: Issuer::new().key_set() };
    (inventory, Client::new(router(app)))
}

fn lines() -> [Line; 1] {
    [Line { sku: "SKU-1".to_owned(), quantity: 3 }]
}

#[tokio::test]
async fn an_administrator_sets_and_reads_the_received_pieces() {
    let (inventory, client) = client();
    let admin = client.admin();
    let stock = |on_hand: u32, reserved: u32| json!({"sku": "SKU-1", "received": 7, "on_hand": on_hand, "reserved": reserved, "sold": 0});
    assert_eq!(admin.put(PATH, &json!({"received": 7})).await.expect(200), stock(7, 0));
    inventory.reserve("r", &lines(), 60_000, now_ms()).await.unwrap();
    assert_eq!(admin.get(PATH).await.expect(200), stock(4, 3));
    admin.put(PATH, &json!({"received": 2})).await.expect_problem(409, "conflict");
}

#[tokio::test]
async fn only_administrators_have_access() {
    let (_, client) = client();
    let body = json!({"received": 7});
    for (client, status, problem) in
        [(client.customer("usr_1"), 403, "forbidden"), (client.clone(), 401, "unauthorized")]
    {
        client.get(PATH).await.expect_problem(status, problem);
        client.put(PATH, &body).await.expect_problem(status, problem);
    }
    client.admin().get(PATH).await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn invalid_bodies_and_paths_are_refused() {
    let (_, client) = client();
    let admin = client.admin();
    for received in [json!(-1), json!(4_294_967_296_u64), json!("7"), Value::Null] {
        let problem = admin.put(PATH, &json!({"received": received})).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/received", "{received}");
    }
    admin.put(PATH, &json!({})).await.expect(422);
    admin.with("content-type", "application/json").text("PUT", PATH, "{").await.expect(400);
    admin.put("/api/v1/inventory/a%2Fb", &json!({"received": 1})).await.expect(400);
    admin.delete(PATH).await.expect(405);
}

#[tokio::test]
async fn a_sweep_returns_its_counts() {
    let (inventory, client) = client();
    inventory.receive("SKU-1", 7, 0).await.unwrap();
    inventory.reserve("r", &lines(), 1, 0).await.unwrap();
    let counts = client.post("/sweep", &Value::Null).await.expect(200);
    assert_eq!(counts, json!({"skus": 1, "failed": 0, "freed": 3, "sold": 0}));
}
