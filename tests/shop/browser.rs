//! A person at the storefront, in real Chromium, driven over WebDriver.
//!
//! Needs `chromium` and `chromedriver`. Without them the test says so and is left out; where
//! `CI` is set that is a failure.

use crate::support::{Shop, eventually, unique};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

/// How long a page may take to show what is waited for.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a page may draw itself anew while somebody wants to click.
const REDRAWS_MAX: usize = 5;

#[tokio::test]
async fn a_customer_searches_registers_buys_and_watches_the_order_arrive() {
    let Some(shop) = Shop::own(|host| host.variable("courier_simulation_ms", "1500")).await else {
        return;
    };
    shop.filled().await;
    let Some(browser) = Browser::start().await else { return };
    let base = shop.base().to_owned();
    let page = &browser.client;
    page.goto(&base).await.expect("the storefront");

    // Search the catalogue; the address bar keeps the search.
    browser.fill("search-input", "knife").await;
    browser.click("search-button").await;
    browser.wait_for_address("knife").await;
    browser.see("[data-testid=product-card]").await;
    browser.click("product-link").await;
    browser.see("[data-testid=product-name]").await;

    // Fill the cart, then register on the way to the checkout.
    browser.click("add-to-cart").await;
    browser.see("[data-testid=cart-count]:not(:empty)").await;
    page.goto(&format!("{base}/register")).await.expect("the form");
    let email = format!("{}@example.com", unique().to_lowercase());
    for (name, value) in
        [("name", "Ada Lovelace"), ("email", &email), ("password", "engines and notes")]
    {
        browser.type_into(name, value).await;
    }
    browser.click("submit").await;
    browser.see("[data-testid=sign-out]").await;
    // Registering leads back to the shelves; whoever clicks before that is led there, too.
    browser.see("[data-testid=product-card]").await;

    // Tokens are out of reach of anything that can only read cookies or lasting storage.
    let script = "return document.cookie + JSON.stringify(localStorage)";
    let readable = page.execute(script, vec![]).await.expect("a script");
    assert!(!readable.to_string().contains("eyJ"), "a token lies about: {readable}");

    browser.click("cart-link").await;
    browser.see("[data-testid=cart-line]").await;
    browser.click("checkout-link").await;
    for (name, value) in [
        ("name", "Ada Lovelace"),
        ("street", "St James's Square 12"),
        ("postal_code", "10115"),
        ("city", "Berlin"),
    ] {
        browser.type_into(name, value).await;
    }
    browser.click("place-order").await;

    // The order's page follows it without a reload.
    for status in ["confirmed", "shipped", "delivered"] {
        browser.see_status_from(status).await;
    }
    browser.see("[data-testid=shipment]").await;
    browser.keep_picture("order").await;
    page.goto(&base).await.expect("the storefront");
    browser.see("[data-testid=product-card]").await;
    browser.keep_picture("storefront").await;
    browser.assert_quiet_console().await;
    browser.close().await;
}

/// A browser with a profile of its own.
struct Browser {
    client: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    async fn start() -> Option<Self> {
        let (Some(chromium), Some(driver)) = (program("chromium"), program("chromedriver")) else {
            skipped::because("chromium or chromedriver is not installed");
            return None;
        };
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("a line").expect("its port");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let profile = TempDir::new().expect("a folder");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities = capabilities.as_object().expect("an object").clone();
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities.into_iter().collect())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser session");
        Some(Self { client, driver, _profile: profile })
    }

    /// Wait until something is on the page.
    async fn see(&self, selector: &str) -> fantoccini::elements::Element {
        let wait = self.client.wait().at_most(PAGE_TIMEOUT);
        match wait.for_element(Locator::Css(selector)).await {
            Ok(element) => element,
            Err(error) => {
                self.keep_picture("failure").await;
                let text = self.client.source().await.unwrap_or_default();
                panic!("{selector} did not appear ({error}) on {text}")
            }
        }
    }

    /// Click, also when the page draws itself anew between the look and the click.
    async fn click(&self, testid: &str) {
        for _ in 0..REDRAWS_MAX {
            let element = self.see(&format!("[data-testid={testid}]")).await;
            match element.click().await {
                Err(error) if error.is_stale_element_reference() => {}
                clicked => return clicked.unwrap_or_else(|e| panic!("click on {testid}: {e}")),
            }
        }
        panic!("{testid} never stood still");
    }

    async fn fill(&self, testid: &str, text: &str) {
        let element = self.see(&format!("[data-testid={testid}]")).await;
        element.send_keys(text).await.unwrap_or_else(|error| panic!("type into {testid}: {error}"));
    }

    /// Replace what is in a form's field.
    async fn type_into(&self, name: &str, text: &str) {
        let field = self.see(&format!("form [name={name}]")).await;
        field.clear().await.expect("an empty field");
        field.send_keys(text).await.unwrap_or_else(|error| panic!("type into {name}: {error}"));
    }

    async fn wait_for_address(&self, part: &str) {
        eventually(&format!("the address contains {part}"), PAGE_TIMEOUT, async || {
            let address = self.client.current_url().await.expect("an address");
            address.as_str().contains(part).then_some(())
        })
        .await;
    }

    /// Wait until the order is at this status, or further on.
    async fn see_status_from(&self, status: &str) {
        const STATUSES: [&str; 4] = ["pending", "confirmed", "shipped", "delivered"];
        let from = STATUSES.iter().position(|known| *known == status).expect("a status");
        let selectors: Vec<String> = STATUSES[from..]
            .iter()
            .map(|status| format!("[data-testid=order-status][data-status={status}]"))
            .collect();
        self.see(&selectors.join(", ")).await;
    }

    /// Keep a screenshot beside the test binaries, for people.
    async fn keep_picture(&self, name: &str) {
        let Ok(picture) = self.client.screenshot().await else { return };
        let folder = harness::repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }

    /// The pages ran without an error on the console: no script failed, nothing was blocked.
    async fn assert_quiet_console(&self) {
        let entries = self.client.issue_cmd(Console).await.expect("the console");
        let severe: Vec<_> = entries
            .as_array()
            .expect("a list")
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .collect();
        assert!(severe.is_empty(), "{severe:#?}");
    }

    async fn close(mut self) {
        self.client.clone().close().await.expect("the session ends");
        self.driver.kill().await.expect("chromedriver ends");
    }
}

/// What ChromeDriver has beyond the standard: the lines on the page's console.
#[derive(Debug)]
struct Console;

impl WebDriverCompatibleCommand for Console {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
