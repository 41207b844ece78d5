//! A shop that can be killed, paused and started again.

use crate::hostile::fortified;
use crate::support::{Api, Buyer, Customer, Shop, Tokens};
use harness::{Answer, Client, Host, HostBuilder, fixed_address, share_compiled_code};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// How long couriers take for a move. Short, so that orders come to their end; not 0.
const COURIER_MS: &str = "100";
/// The lease of a killed process on an order. The saga is correct with any value; a killed process
/// only delays its successor.
const LEASE_MS: &str = "200";

/// Further settings of the host.
type Configure = fn(HostBuilder) -> HostBuilder;

/// The shop, and where it keeps its state.
pub(super) struct Plant {
    folder: TempDir,
    address: SocketAddr,
    lease_ms: &'static str,
    configure: Configure,
    shop: Option<Shop>,
    tokens: Arc<Tokens>,
    power: Arc<Power>,
}

/// Numbers the runs of the shop, so that a client can check whether the shop ran all the time: even
/// while it runs, odd while it does not.
#[derive(Default)]
pub(super) struct Power(AtomicU32);

impl Power {
    /// The number of this run; none while the shop does not run.
    pub(super) fn run(&self) -> Option<u32> {
        Some(self.0.load(Ordering::SeqCst)).filter(|number| number.is_multiple_of(2))
    }

    fn turn_off(&self) {
        self.0.fetch_or(1, Ordering::SeqCst);
    }

    fn turn_on(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Plant {
    /// A shop with an empty state; none when the scenarios go to another address.
    pub(super) async fn open() -> Option<Self> {
        Self::with_leases_of(LEASE_MS).await
    }

    /// The same, with other leases on orders, in milliseconds.
    pub(super) async fn with_leases_of(lease_ms: &'static str) -> Option<Self> {
        Self::with(lease_ms, |host| host.variable("rate_limits", "off")).await
    }

    /// The same, with limits for hostile clients.
    pub(super) async fn fortified() -> Option<Self> {
        Self::with(LEASE_MS, fortified).await
    }

    async fn with(lease_ms: &'static str, configure: Configure) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        share_compiled_code(folder.path());
        let address = fixed_address();
        let shop = start(&folder, address, lease_ms, configure).await?;
        let (tokens, power) = (Arc::default(), Arc::default());
        let shop = Some(shop);
        let plant = Self { folder, address, lease_ms, configure, shop, tokens, power };
        plant.shop().filled().await;
        Some(plant)
    }

    /// The running shop.
    pub(super) fn shop(&self) -> &Shop {
        self.shop.as_ref().expect("it runs")
    }

    /// Its host.
    pub(super) fn host(&self) -> &Host {
        self.shop().host().expect("a process")
    }

    /// The numbers of its runs.
    pub(super) fn power(&self) -> Arc<Power> {
        self.power.clone()
    }

    /// A customer that accepts missing responses.
    pub(super) fn buyer(&self, customer: &Customer) -> Buyer {
        Buyer::new(Client::new(&format!("http://{}", self.address)), customer, self.tokens.clone())
    }

    /// Invalidates all tokens, so that all customers have to sign in again.
    pub(super) fn expire_tokens(&self) {
        for token in self.tokens.lock().expect("tokens").values_mut() {
            "expired".clone_into(token);
        }
    }

    /// The same customer, with a new session if the last one has ended.
    pub(super) async fn signed_in(&self, customer: &Customer) -> Customer {
        let buyer = self.buyer(customer);
        buyer.read("/api/v1/users/me", &[]).await.expect("an answer").expect(200);
        Customer { api: self.shop().visitor().bearer(&buyer.token()), ..customer.clone() }
    }

    /// The first administrator.
    pub(super) async fn admin(&self) -> Api {
        self.shop().admin().await
    }

    /// Starts it again, at the same address.
    pub(super) async fn restart(&mut self) {
        self.power.turn_off();
        self.shop = None;
        self.shop = start(&self.folder, self.address, self.lease_ms, self.configure).await;
        self.power.turn_on();
    }

    /// Stops it and starts it again without faults.
    pub(super) async fn restart_calmly(&mut self) {
        self.power.turn_off();
        self.host_mut().terminate();
        self.host_mut().wait().await;
        self.restart().await;
    }

    /// Kills it.
    pub(super) async fn kill(&mut self) {
        self.power.turn_off();
        self.host_mut().kill().await;
    }

    /// Whether it ends by itself within this time.
    pub(super) async fn ends_within(&mut self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.host_mut().wait()).await.is_ok()
    }

    /// Stops all its threads for a while, as a busy machine may do.
    pub(super) async fn pause(&self, length: Duration) {
        self.host().pause();
        tokio::time::sleep(length).await;
        self.host().resume();
    }

    fn host_mut(&mut self) -> &mut Host {
        self.shop.as_mut().expect("it runs").host_mut()
    }

    /// Configures the fault points of the host.
    pub(super) async fn command(&self, command: &Value) -> Answer {
        let answer = self.host().admin().put("/fault-points", command).await;
        assert!(
            answer.status.is_success(),
            "{}: this needs a host with fault points, as `cargo verify` builds it: \
             cargo build --workspace --all-targets --features tessera/fault-points",
            answer.status
        );
        answer
    }

    /// The points that were reached since recording began, in their order.
    pub(super) async fn reached(&self) -> Vec<String> {
        let answer = self.host().admin().get("/fault-points").await.expect(200).json();
        let points = answer["points"].as_array().expect("names").iter();
        points.map(|point| point.as_str().expect("a name").to_owned()).collect()
    }
}

async fn start(
    folder: &TempDir,
    address: SocketAddr,
    lease_ms: &str,
    configure: Configure,
) -> Option<Shop> {
    Shop::own(|host| {
        let host = host.state(folder.path()).listen(address);
        let host = host.variable("courier_simulation_ms", COURIER_MS);
        configure(host.variable("order_lease_ms", lease_ms))
    })
    .await
}

/// A whole number from the environment.
pub(super) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}
