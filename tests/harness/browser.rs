//! Real Chromium, driven over WebDriver.
//!
//! Needs `chromium` and `chromedriver`. Without them a test reports that it is skipped; if `CI` is set,
//! that is a failure.

use crate::{eventually, program, repository};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

/// How long a page may take to show what is waited for.
pub const PAGE_TIMEOUT: Duration = Duration::from_secs(90);
/// How often a page may be rendered again before a click succeeds.
const REDRAWS_MAX: usize = 5;

/// A browser with a temporary profile.
#[derive(Debug)]
pub struct Browser {
    /// For what has no method here.
    pub client: Client,
    driver: Child,
    _profile: TempDir,
}

/// How often chromedriver is started. It takes a port for IPv4 that is free, and ends if the same port
/// is in use for IPv6.
const STARTS_MAX: usize = 5;

/// A chromedriver, and its port.
async fn started(program: &Path) -> (Child, String) {
    for _ in 0..STARTS_MAX {
        let mut driver = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        while let Some(line) = lines.next_line().await.expect("a line") {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return (driver, port.trim_end_matches('.').to_owned());
            }
        }
    }
    panic!("chromedriver ends without a port, {STARTS_MAX} times");
}

impl Browser {
    /// Starts it; none if it is not installed.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Option<Self> {
        let (Some(chromium), Some(driver)) = (program("chromium"), program("chromedriver")) else {
            skipped::because("chromium or chromedriver is not installed");
            return None;
        };
        let (driver, port) = started(&driver).await;
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
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn see(&self, selector: &str) -> fantoccini::elements::Element {
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

    /// Click, even if the page is rendered again before the click.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn click(&self, testid: &str) {
        for _ in 0..REDRAWS_MAX {
            let element = self.see(&format!("[data-testid={testid}]")).await;
            match element.click().await {
                Err(error) if error.is_stale_element_reference() => {}
                clicked => return clicked.unwrap_or_else(|e| panic!("click on {testid}: {e}")),
            }
        }
        panic!("{testid} is rendered again and again");
    }

    /// Type into a field.
    ///
    /// # Panics
    /// If there is none.
    pub async fn fill(&self, testid: &str, text: &str) {
        let element = self.see(&format!("[data-testid={testid}]")).await;
        element.send_keys(text).await.unwrap_or_else(|error| panic!("type into {testid}: {error}"));
    }

    /// Replace what is in a form's field.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn type_into(&self, name: &str, text: &str) {
        let field = self.see(&format!("form [name={name}]")).await;
        field.clear().await.expect("an empty field");
        field.send_keys(text).await.unwrap_or_else(|error| panic!("type into {name}: {error}"));
    }

    /// Wait until the address of the page contains this text.
    ///
    /// # Panics
    /// If it does not.
    pub async fn wait_for_address(&self, part: &str) {
        eventually(&format!("the address contains {part}"), PAGE_TIMEOUT, async || {
            let address = self.client.current_url().await.expect("an address");
            address.as_str().contains(part).then_some(())
        })
        .await;
    }

    /// The result of a script on the page.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    /// Wait until the first matching element contains this text.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn see_text(&self, selector: &str, part: &str) {
        let script = format!("return document.querySelector('{selector}')?.textContent ?? ''");
        eventually(&format!("{selector} says {part:?}"), PAGE_TIMEOUT, async || {
            self.ask(&script).await.as_str().is_some_and(|text| text.contains(part)).then_some(())
        })
        .await;
    }

    /// Wait until no element matches.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn see_no(&self, selector: &str) {
        let script = format!("return document.querySelectorAll('{selector}').length");
        eventually(&format!("{selector} disappears"), PAGE_TIMEOUT, async || {
            (self.ask(&script).await == json!(0)).then_some(())
        })
        .await;
    }

    /// Open an address.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn go(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Open a new, empty tab and switch to it.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn open_tab(&self, address: &str) {
        let tab = self.client.new_window(true).await.expect("a tab");
        self.client.switch_to_window(tab.handle).await.expect("the new tab");
        self.go(address).await;
    }

    /// Duplicate this tab with its storage, and switch to the copy.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn duplicate_tab(&self) {
        let before = self.client.windows().await.expect("tabs");
        self.ask("window.open(location.href)").await;
        let tab = eventually("a copy of the tab", PAGE_TIMEOUT, async || {
            let tabs = self.client.windows().await.expect("tabs");
            tabs.into_iter().find(|tab| !before.contains(tab))
        })
        .await;
        self.client.switch_to_window(tab).await.expect("the copy");
    }

    /// Send a command of the browser's own protocol.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn tell_chromium(&self, command: &'static str, parameters: Value) {
        self.client.issue_cmd(Chromium { command, parameters }).await.expect(command);
    }

    /// Keep a screenshot beside the test binaries, for people.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn keep_picture(&self, name: &str) {
        let Ok(picture) = self.client.screenshot().await else { return };
        let folder = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }

    /// The pages ran without an error on the console: no script failed, nothing was blocked.
    ///
    /// # Panics
    /// If the browser can't.
    pub async fn assert_quiet_console(&self) {
        let entries = self.client.issue_cmd(Console).await.expect("the console");
        let severe: Vec<_> = entries
            .as_array()
            .expect("a list")
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .collect();
        assert!(severe.is_empty(), "{severe:#?}");
    }

    /// Ends it.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn close(mut self) {
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

/// A command that ChromeDriver forwards to Chromium.
#[derive(Debug)]
struct Chromium {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Chromium {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}
