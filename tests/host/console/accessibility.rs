//! axe-core finds no violations on any page, in both color schemes and at both widths.

use super::revisions::{canary, versioned};
use super::{everything, inject, open, open_with_token, reject, traffic};
use crate::support::{Application, Backend, application};
use harness::browser::Browser;
use harness::program;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Desktop and phone.
const WIDTHS: [(u32, u32); 2] = [(1280, 900), (390, 844)];

/// The script of axe-core, if it is installed.
fn axe() -> Option<String> {
    let root = program("npm").and_then(|npm| {
        let output = Command::new(npm).args(["root", "--global"]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    });
    let script = root.map(|root| Path::new(&root).join("axe-core/axe.min.js"));
    let script = script.and_then(|path| std::fs::read_to_string(path).ok());
    if script.is_none() {
        skipped::because("axe-core is not installed: `npm install --global axe-core@4.14.1`");
    }
    script
}

/// The violations on the current page.
async fn violations(browser: &Browser, axe: &str) -> Value {
    browser.ask(axe).await;
    browser
        .ask(
            "return axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
                violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary}`)]))",
        )
        .await
}

/// Checks the current page in both color schemes and at both widths.
async fn check(browser: &Browser, axe: &str, page: &str) {
    for scheme in ["light", "dark"] {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.tell_chromium("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        for (width, height) in WIDTHS {
            browser.client.set_window_size(width, height).await.expect("a size");
            let found = violations(browser, axe).await;
            assert_eq!(found, json!([]), "{page}, {scheme}, {width}: {found:#}");
            let name = page.trim_start_matches('/').replace('/', "-");
            browser.keep_picture(&format!("console-{name}-{scheme}-{width}")).await;
            let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.ask(wide).await, json!(0), "{page} is wider than {width} px");
        }
    }
}

#[tokio::test]
async fn no_page_has_violations() {
    let Some(axe) = axe() else { return };
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().argument("--chaos").start().await;
    traffic(&host).await;
    host.client().with("x-request-id", "order-4711").get("/describe").await.expect(200);
    host.client().get("/trap").await.expect(502);
    reject(&host, &mut backend, ("key-1", "event-1"), "no such thing").await;
    inject(&host, json!({ "kind": "call", "to": "other" })).await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/logs").await;
    browser.see("[data-testid=token-form]").await;
    check(&browser, &axe, "/token").await;
    open_with_token(&browser, &host, "/logs").await;
    for (page, part) in [
        ("/", "[data-testid=edges-row]"),
        ("/components/guest", "[data-testid=lines]"),
        ("/traces", "[data-testid=traces-row]"),
        ("/traces/order-4711", "[data-testid=span]"),
        ("/logs", "[data-testid=lines]"),
        ("/events", "[data-testid=events-row]"),
        ("/dead-letters", "[data-testid=dead-letters-row]"),
        ("/schedules", "[data-testid=schedules-row]"),
        ("/policies", "[data-testid=breaker-open]"),
        ("/chaos", "[data-testid=faults-row]"),
    ] {
        open(&browser, &host, page).await;
        browser.see(part).await;
        check(&browser, &axe, page).await;
    }
    open(&browser, &host, "/dead-letters").await;
    browser.click("discard").await;
    browser.see("dialog[open]").await;
    check(&browser, &axe, "/dialog").await;
    browser.close().await;
}

#[tokio::test]
async fn the_page_on_revisions_has_no_violations() {
    let Some(axe) = axe() else { return };
    let host = versioned().host().start().await;
    canary(&host).await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/revisions").await;
    browser.see("[data-testid=rollout]").await;
    check(&browser, &axe, "/revisions").await;
    browser.click("promote").await;
    browser.see("dialog[open]").await;
    check(&browser, &axe, "/revisions/dialog").await;
    browser.close().await;
}

#[tokio::test]
async fn empty_pages_have_no_violations() {
    let Some(axe) = axe() else { return };
    let host = application(Application::GUEST).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/logs").await;
    for (page, part) in [
        ("/events", "[data-testid=no-events]"),
        ("/schedules", "[data-testid=schedules-none]"),
        ("/policies", "[data-testid=policies-none]"),
        ("/chaos", "[data-testid=no-chaos]"),
        ("/nothing", "h1"),
    ] {
        open(&browser, &host, page).await;
        browser.see(part).await;
        check(&browser, &axe, page).await;
    }
    browser.close().await;
}
