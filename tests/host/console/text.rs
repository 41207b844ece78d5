//! What others have written is shown as text, whatever it contains.

use super::{everything, inject, open, open_with_token, publish};
use crate::support::{Backend, event};
use harness::browser::Browser;
use serde_json::json;

/// Markup that would run a script, or end one.
const HOSTILE: &str = "<img src=x onerror=\"document.title='hacked'\"></script><b>";

/// Nothing on this page became markup.
async fn assert_text(browser: &Browser, where_it_is: &str) {
    browser.see_text(where_it_is, "<img src=x").await;
    let made = "return document.querySelectorAll('img[src=x], b').length";
    assert_eq!(browser.ask(made).await, json!(0), "{where_it_is}");
    assert_ne!(browser.ask("return document.title").await, json!("hacked"));
}

#[tokio::test]
async fn events_dead_letters_faults_and_log_lines_never_become_markup() {
    let mut backend = Backend::start().await;
    let host =
        everything(&backend).host().argument("--chaos").argument("--access-log").start().await;
    let mut hostile = event(HOSTILE, "event-1");
    hostile["data"] = json!({ "text": HOSTILE });
    publish(&host, &[hostile]).await;
    backend.next().await.answer(422, HOSTILE);
    host.client().with("user-agent", HOSTILE).get("/log").await.expect(200);
    inject(&host, json!({ "kind": "call", "to": HOSTILE })).await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/events").await;
    assert_text(&browser, "[data-testid=events]").await;
    open(&browser, &host, "/dead-letters").await;
    assert_text(&browser, "[data-testid=dead-letters]").await;
    open(&browser, &host, "/chaos").await;
    assert_text(&browser, "[data-testid=faults]").await;
    open(&browser, &host, "/logs?text=user_agent").await;
    assert_text(&browser, "[data-testid=lines]").await;
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn addresses_never_become_markup() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/traces").await;
    let encoded = "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'hacked'%22%3E";
    open(&browser, &host, &format!("/components/{encoded}")).await;
    browser.see_text("h1", "<img src=x").await;
    browser.see("[data-testid=problem]").await;
    open(&browser, &host, &format!("/logs?text={encoded}")).await;
    browser.see("[data-testid=lines-none]").await;
    open(&browser, &host, &format!("/traces/{encoded}")).await;
    browser.see("[data-testid=no-trace]").await;
    assert_eq!(
        browser.ask("return document.querySelectorAll('img[src=x]').length").await,
        json!(0)
    );
    browser.close().await;
}
