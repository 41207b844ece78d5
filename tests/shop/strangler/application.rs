//! The application, and what its operators do.

use harness::{Client, Host, HostBuilder, repository};
use serde_json::{Value, json};
use tempfile::TempDir;
use toml::Table;

/// The default of the variable `facade_token`.
const OPERATOR: &str = "facade operator";
/// The default of the variable `support_key`.
const SUPPORT: &str = "support";

/// A running application.
pub(super) struct Application {
    host: Host,
    _folder: TempDir,
}

impl Application {
    /// Starts it, with the mailbox reachable. Parcels do not move by themselves.
    pub(super) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("spin.toml");
        std::fs::write(&path, toml::to_string(&with_mailbox()).unwrap()).unwrap();
        let host = HostBuilder::new(path).variable("courier_simulation_ms", "0").start().await;
        Self { host, _folder: folder }
    }

    /// A client without a session.
    pub(super) fn client(&self) -> Client {
        self.host.client()
    }

    fn operator(&self) -> Client {
        self.client().bearer(OPERATOR)
    }

    /// The price list goes to the catalog, and from now on everything that happens in the older shop
    /// is an event, beginning with what has happened before. Can be repeated.
    pub(super) async fn carry_over(&self) {
        self.operator().post("/facade/articles", &json!({})).await.expect(200);
        let mut from = json!({});
        while from.is_object() {
            let past = self.operator().post("/facade/past", &from).await.expect(200).json();
            from = past["next"].clone();
        }
    }

    /// Sets the mode of a family.
    pub(super) async fn set(&self, family: &str, mode: Value) {
        self.operator().put(&format!("/facade/modes/{family}"), &mode).await.expect(200);
    }

    /// Modes, comparisons and findings.
    pub(super) async fn status(&self) -> Value {
        self.operator().get("/facade/status").await.expect(200).json()
    }

    /// How many comparisons of a family had which outcome.
    pub(super) async fn compared(&self, family: &str) -> Value {
        self.status().await["families"][family]["compared"].clone()
    }

    /// Sets all counts to 0.
    pub(super) async fn forget_findings(&self) {
        self.operator().delete("/facade/findings").await.expect(204);
    }

    /// The support corrects a total.
    pub(super) async fn correct(&self, number: &str, total: &str) {
        let support = self.client().with("x-support-key", SUPPORT);
        let path = format!("/legacy/api/support/orders/{number}");
        support.put(&path, &json!({ "total": total })).await.expect(200);
    }

    /// The addresses of all mails, one for each mail.
    pub(super) async fn mails(&self) -> Vec<String> {
        let list = self.client().get("/mailbox/messages.json").await.expect(200).json();
        let mails = list["items"].as_array().expect("a list").iter();
        mails.map(|mail| mail["to"].as_str().expect("an address").to_owned()).collect()
    }
}

/// The manifest with the built components, and a public route to the mailbox.
fn with_mailbox() -> Table {
    let folder = repository().join("deploy/strangler");
    let text = std::fs::read_to_string(folder.join("spin.toml")).unwrap();
    let mut manifest: Table = toml::from_str(&text).unwrap();
    for (_, component) in manifest["component"].as_table_mut().unwrap() {
        let source = folder.join(component["source"].as_str().unwrap());
        component["source"] = source.to_str().unwrap().into();
    }
    let route: Table = toml::from_str("route = \"/mailbox/...\"\ncomponent = \"mailbox\"").unwrap();
    let triggers = manifest["trigger"]["http"].as_array_mut().unwrap();
    triggers.retain(|trigger| trigger["component"].as_str() != Some("mailbox"));
    triggers.push(route.into());
    manifest
}
