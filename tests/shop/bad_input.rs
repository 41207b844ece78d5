//! Invalid requests and their responses, as data.
//!
//! A row has a request, its sender (`visitor`, `customer` or `admin`), and the response: its
//! status, the type of the problem, and a JSON pointer to each fault. `SKU` is replaced with that
//! of an existing product; `repeat` makes a list with this number of copies of its item.

use crate::support::{Api, Customer, Shop, unique};
use http::Method;
use serde_json::Value;
use std::collections::BTreeSet;

const ROWS: &str = include_str!("bad_input.json");
/// More than any route reads, in bytes.
const TOO_LONG: usize = 300 * 1024;

struct Senders {
    visitor: Api,
    customer: Api,
    admin: Api,
    sku: String,
}

/// A value with its placeholders replaced.
fn filled(value: &Value, sku: &str) -> Value {
    match value {
        Value::String(text) => text.replace("SKU", sku).into(),
        Value::Array(items) => items.iter().map(|item| filled(item, sku)).collect(),
        Value::Object(members) => match (members.get("repeat"), members.get("item")) {
            (Some(times), Some(item)) => {
                let times = usize::try_from(times.as_u64().unwrap()).unwrap();
                std::iter::repeat_n(filled(item, sku), times).collect()
            }
            _ => members.iter().map(|(name, value)| (name.clone(), filled(value, sku))).collect(),
        },
        other => other.clone(),
    }
}

async fn check(row: &Value, senders: &Senders) -> Result<(), String> {
    let text = |name: &str| row[name].as_str();
    let api = match text("as").unwrap_or("visitor") {
        "customer" => &senders.customer,
        "admin" => &senders.admin,
        _ => &senders.visitor,
    };
    let api = api.with("idempotency-key", &unique());
    let body = match (text("text"), row.get("body")) {
        (Some("TOO LONG"), _) => format!("\"{}\"", "x".repeat(TOO_LONG)),
        (Some(text), _) => text.to_owned(),
        (None, Some(body)) => filled(body, &senders.sku).to_string(),
        (None, None) => String::new(),
    };
    let kind = if row.get("body").is_some() || row.get("text").is_some() {
        Some(text("content_type").unwrap_or("application/json"))
    } else {
        text("content_type")
    };
    let method: Method = text("method").unwrap().parse().unwrap();
    let path = text("path").unwrap().replace("SKU", &senders.sku);
    let answer = api.send(method, &path, kind, body).await;
    let problem = answer.json();
    let mut pointers: Vec<_> =
        problem["errors"].as_array().into_iter().flatten().map(|fault| &fault["pointer"]).collect();
    pointers.sort_by_key(|pointer| pointer.to_string());
    let mut expected: Vec<_> = row["pointers"].as_array().into_iter().flatten().collect();
    expected.sort_by_key(|pointer| pointer.to_string());
    let allow = row.get("allow").is_none_or(|allow| *allow == answer.header("allow"));
    let sound = answer.status.as_u16() == row["status"].as_u64().unwrap() as u16
        && problem["type"] == row["type"]
        && pointers == expected
        && allow;
    if sound { Ok(()) } else { Err(format!("{}\n  got {} {problem}", row, answer.status)) }
}

#[tokio::test]
async fn every_invalid_request_gets_its_problem() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, 10).await;
    let customer = Customer::new(shop).await;
    let senders = Senders { visitor: shop.visitor(), customer: customer.api.clone(), admin, sku };
    let rows: Vec<Value> = serde_json::from_str(ROWS).unwrap();
    assert!(rows.len() > 60, "{} rows", rows.len());
    let mut failed = Vec::new();
    for row in &rows {
        failed.extend(check(row, &senders).await.err());
    }
    assert!(failed.is_empty(), "{} of {} rows:\n{}", failed.len(), rows.len(), failed.join("\n"));
    // Each type is documented.
    let types: BTreeSet<&str> = rows.iter().filter_map(|row| row["type"].as_str()).collect();
    for path in types {
        senders.visitor.get(path).await.expect(200);
    }
    // None of it had an effect.
    assert_eq!(senders.admin.stock(&senders.sku).await, [10, 10, 0, 0]);
    assert_eq!(customer.all_orders().await, Vec::<Value>::new());
}
