//! The shop under test.

use super::{Api, Description, eventually};
use crate::hostile::forged_webhooks::PUBLISHED_SECRET;
use harness::{Client, Host, HostBuilder, repository};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// The first administrator according to the manifest.
const ADMIN_EMAIL: &str = "admin@example.com";
const ADMIN_PASSWORD: &str = "correct horse battery";
/// The password of all customers of the scenarios.
pub(crate) const PASSWORD: &str = "a password of nine words";
/// The application of the authorization-code scenarios.
pub(crate) const OAUTH_CLIENT: &str = "comparison-site";
pub(crate) const OAUTH_REDIRECT: &str = "https://compare.example/back?from=shop";
/// The issuer of access tokens of a shop with its own process.
const ISSUER: &str = "http://127.0.0.1:3000";
/// The interval of sweeps of a shop whose host has no schedules.
const SWEEP_INTERVAL: Duration = Duration::from_millis(500);
/// The timeout for the import of the catalog.
const FILLING: Duration = Duration::from_secs(300);

/// The runtime of the shared shop, which outlives single tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
});

/// A running shop.
pub(crate) struct Shop {
    base: String,
    description: Arc<Description>,
    host: Option<Host>,
}

impl Shop {
    /// The shop that all scenarios share, with its catalog.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Shop> = OnceCell::const_new();
        SHARED.get_or_init(Self::open).await
    }

    /// A shop with its own process, for scenarios that end it or set its variables. None, with a
    /// reason for the skipped test, if the scenarios use another address.
    pub(crate) async fn own(configure: impl FnOnce(HostBuilder) -> HostBuilder) -> Option<Self> {
        if base_url().is_some() {
            skipped::because("it needs its own process, and TESSERA_BASE_URL is set");
            return None;
        }
        // Tokens stay valid after a restart at another port.
        let host = HostBuilder::new(repository().join("spin.toml")).variable("issuer", ISSUER);
        Some(Self::start(configure(host)).await)
    }

    async fn open() -> Self {
        let Some(base) = base_url() else {
            let clients = json!([{"client_id": OAUTH_CLIENT, "redirect_uris": [OAUTH_REDIRECT]}]);
            let host = HostBuilder::new(repository().join("spin.toml"))
                .variable("courier_simulation_ms", "0")
                // As on stock Spin, where it is not generated: scenarios forge webhooks with it.
                .variable("psp_webhook_secret", PUBLISHED_SECRET)
                .variable("oauth_clients", &clients.to_string());
            // A host ends with the thread that starts it.
            let shop = RUNTIME.spawn(Self::start(host)).await.expect("the shop opens");
            shop.filled().await;
            return shop;
        };
        let description = Description::fetch(&Client::new(&base)).await;
        let shop = Self { base, description, host: None };
        // Only `tessera` calls the importer at startup and has schedules.
        let admin = shop.admin().await;
        admin.post("/api/v1/admin/import", &json!({})).await.expect(200);
        let same =
            Self { host: None, base: shop.base.clone(), description: shop.description.clone() };
        RUNTIME.spawn(async move { same.sweep().await });
        shop
    }

    /// The cron that stock Spin needs, for as long as the scenarios run.
    async fn sweep(&self) {
        let mut admin = self.admin().await;
        loop {
            let answer = admin.post("/api/v1/admin/sweep", &json!({})).await;
            if answer.status == 401 {
                admin = self.admin().await;
            }
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }

    async fn start(builder: HostBuilder) -> Self {
        let host = builder.start().await;
        let description = Description::fetch(&host.client()).await;
        Self { base: format!("http://{}", host.address()), description, host: Some(host) }
    }

    /// Waits until the importer is done.
    pub(crate) async fn filled(&self) {
        let api = self.visitor();
        eventually("the catalog is imported", FILLING, async || {
            let categories = api.get("/api/v1/categories").await.expect(200).json();
            let counts = categories["items"].as_array().expect("a page").iter();
            let count: u64 = counts.filter_map(|category| category["count"].as_u64()).sum();
            (count >= catalogue_file().len() as u64).then_some(())
        })
        .await;
    }

    /// A client that is not signed in.
    pub(crate) fn visitor(&self) -> Api {
        Api::new(Client::new(&self.base), self.description.clone())
    }

    /// A visitor from another address of the loopback network.
    pub(crate) fn visitor_at(&self, address: Ipv4Addr) -> Api {
        Api::new(Client::at(&self.base, address), self.description.clone())
    }

    /// The first administrator, signed in.
    pub(crate) async fn admin(&self) -> Api {
        let set = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
        let credentials = json!({
            "email": set("TESSERA_ADMIN_EMAIL", ADMIN_EMAIL),
            "password": set("TESSERA_ADMIN_PASSWORD", ADMIN_PASSWORD),
        });
        let session = self.visitor().post_when_free("/api/v1/sessions", &credentials).await;
        let token =
            session.expect(200).json()["access_token"].as_str().expect("a token").to_owned();
        self.visitor().bearer(&token)
    }

    /// Its base URL, for example `http://127.0.0.1:3000`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The description of its API.
    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// The process, if the tests have started it.
    pub(crate) fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The process, of a shop with its own process.
    pub(crate) fn host_mut(&mut self) -> &mut Host {
        self.host.as_mut().expect("a shop with its own process")
    }

    /// The process, of a shop with its own process, to end it.
    pub(crate) fn into_host(self) -> Host {
        self.host.expect("a shop with its own process")
    }
}

fn base_url() -> Option<String> {
    let base = std::env::var("TESSERA_BASE_URL").ok()?;
    Some(base.trim_end_matches('/').to_owned())
}

/// The products that the importer creates.
pub(crate) fn catalogue_file() -> Vec<Value> {
    let file = repository().join("functions/importer/data/products.json");
    let text = std::fs::read_to_string(file).expect("the data file");
    serde_json::from_str(&text).expect("an array of products")
}

/// A unique name of upper case letters and digits.
pub(crate) fn unique() -> String {
    uuid::Uuid::now_v7().simple().to_string().to_uppercase()
}
