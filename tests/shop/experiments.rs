//! The experiments of the shop in `experiments/`, in short, and what becomes of orders meanwhile.

use crate::support::{Customer, Shop, eventually, order, unique};
use harness::{Host, repository, tessera_binary};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// The share of the times of an experiment: each kind of requests is sent at least twice in a part.
const TIME_PERCENT: &str = "20";
/// Far longer than the test.
const OUTAGE_MS: u64 = 600_000;
/// The timeout for an order that is paid again.
const RECOVERY: Duration = Duration::from_secs(240);
const PIECES: u32 = 10;

/// The experiment without its limits of time: machines differ.
fn without_times(file: &Path, folder: &Path) -> std::path::PathBuf {
    let text = std::fs::read_to_string(file).expect("the experiment");
    let kept: Vec<_> = text.lines().filter(|line| !line.starts_with("p99_ms")).collect();
    let path = folder.join(file.file_name().expect("a name"));
    std::fs::write(&path, kept.join("\n")).expect("it is written");
    path
}

async fn run(host: &Host, experiment: &Path) -> (bool, String) {
    let output = Command::new(tessera_binary())
        .args(["chaos", "run", "--time-percent", TIME_PERCENT])
        .arg(experiment)
        .arg("--url")
        .arg(format!("http://{}", host.address()))
        .arg("--admin-url")
        .arg(format!("http://{}", host.admin_address()))
        .arg("--admin-token-file")
        .arg(host.state().join("admin-token"))
        .output()
        .await
        .expect("tessera runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn what_must_hold_in_each_experiment_does() {
    let Some(shop) = Shop::own(|host| host.argument("--chaos")).await else { return };
    shop.filled().await;
    let host = shop.into_host();
    let folder = TempDir::new().expect("a folder");
    let experiments = repository().join("tests/shop/experiments");
    let mut count = 0;
    for file in std::fs::read_dir(experiments).expect("experiments") {
        let file = without_times(&file.expect("a file").path(), folder.path());
        let (holds, output) = run(&host, &file).await;
        assert!(holds, "{}: {output}", file.display());
        count += 1;
    }
    assert_eq!(count, 6);
}

#[tokio::test]
async fn orders_wait_for_the_payment_provider_and_are_decided_when_it_is_back() {
    let Some(shop) = Shop::own(|host| host.argument("--chaos")).await else { return };
    let (admin, ada) = (shop.admin().await, Customer::new(&shop).await);
    let sku = shop.product(&admin, PIECES).await;
    let host = shop.host().expect("its own");
    let outage = json!({
        "target": { "kind": "call", "to": "psp-sandbox" },
        "effect": { "kind": "error" },
        "duration_ms": OUTAGE_MS,
    });
    host.admin().post("/faults", &outage).await.expect(201);
    let placed = ada.place(&unique(), &order(&[(&sku, 1)], "tok_approved")).await.expect(202);
    let placed = placed.json();
    assert_eq!(placed["status"], "pending", "{placed}");
    host.admin().delete("/faults").await.expect(204);
    // After a few failed attempts it is rejected, but only once the payment is known to be undone.
    let decided = ada.decided(placed["id"].as_str().expect("an id")).await;
    if decided["status"] == "rejected" {
        assert_eq!(decided["rejection"]["code"], "payment_unavailable", "{decided}");
    }
    // The circuit breaker closes after some seconds.
    eventually("an order is paid", RECOVERY, async || {
        let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
        let accepted = ["confirmed", "shipped", "delivered"];
        accepted.contains(&order["status"].as_str().unwrap_or_default()).then_some(())
    })
    .await;
}
