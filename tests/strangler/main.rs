//! `cargo strangler`: what the move of `deploy/strangler` costs and brings, measured on this machine.
//!
//! It starts the older shop alone and then the older shop with all families on the new side, sends
//! the same requests to both, and deploys a change of the messages to both. It needs a built host
//! (`cargo build`), functions and bridges (`cargo functions && cargo bridges`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod deployment;
mod load;
mod shop;
mod sizes;

use load::{Figures, Pace};
use shop::{Kind, Shop};

/// The name, and the method and path of a family's requests.
const FAMILIES: [(&str, Kind); 4] = [
    ("GET notifications", Kind::Messages),
    ("GET orders", Kind::Orders),
    ("GET orders/{number}", Kind::Order),
    ("POST orders", Kind::NewOrder),
];

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let before = measure(&Shop::before().await).await;
    let after = measure(&Shop::after().await).await;

    println!("## Requests\n");
    println!(
        "{} connections, {} s for each family; latencies in ms.\n",
        Pace::CONNECTIONS,
        Pace::SECONDS
    );
    println!("| family | before: requests/s | p50 | p99 | after: requests/s | p50 | p99 |");
    println!("|---|---|---|---|---|---|---|");
    for ((name, _), (one, other)) in
        FAMILIES.iter().zip(before.requests.iter().zip(&after.requests))
    {
        println!("| `{name}` | {one} | {other} |");
    }
    println!("\n## A change of the messages\n");
    println!("| | before | after |");
    println!("|---|---|---|");
    println!("| component to deploy | `legacy` | `notifications` |");
    let [one, other] = [&before.deployment, &after.deployment];
    println!("| bytes | {} | {} |", one.bytes, other.bytes);
    println!("| time, ms | {:.0} | {:.0} |", one.milliseconds, other.milliseconds);
    println!("| components | {} | {} |", before.components, after.components);
    println!("\n## Parts\n");
    sizes::print();
}

struct Measured {
    requests: Vec<Figures>,
    deployment: deployment::Deployment,
    components: usize,
}

async fn measure(shop: &Shop) -> Measured {
    let mut requests = Vec::new();
    for (name, kind) in FAMILIES {
        eprintln!("==> {}: {name}", shop.name);
        requests.push(load::measure(shop, kind).await);
    }
    let deployment = deployment::measure(shop).await;
    Measured { requests, deployment, components: shop.components() }
}
