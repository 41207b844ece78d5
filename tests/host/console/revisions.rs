//! The page on revisions: a canary is shown, promoted and rolled back.

use super::{open, open_with_token};
use crate::deployments::{component, deploy};
use crate::rollouts::version;
use crate::support::{Application, application, eventually};
use harness::Host;
use harness::browser::Browser;

/// A canary that ends by an operator only.
const CANARY: &str = "steps=25,50&step_ms=3600000&waits=true&sticky=cookie:session";

/// A component of which there are several versions, and another one.
pub(super) fn versioned() -> Application {
    application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"shop\"\n\
         [component.shop]\nsource = \"shop.wasm\"\n\
         [[trigger.http]]\nroute = \"/other\"\ncomponent = \"other\"\n\
         [component.other]\nsource = \"$p3\"\n",
    )
    .with_file("shop.wasm", version("stable"))
}

/// Begins a canary. Both revisions have had calls when this returns.
pub(super) async fn canary(host: &Host) {
    deploy(host, "shop", "first", CANARY).await.expect("an answer");
    eventually(async || {
        host.client().get("/").await.expect(200);
        let measured = component(host, "shop").await["rollout"]["measured"].clone();
        let has_calls = |one: &str| measured[one]["calls"].as_u64() > Some(0);
        (has_calls("stable") && has_calls("candidate")).then_some(())
    })
    .await;
}

async fn served(host: &Host) -> String {
    host.client().get("/").await.expect(200).text()
}

#[tokio::test]
async fn a_canary_is_shown_and_promoted_and_then_rolled_back_by_clicks() {
    let host = versioned().host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/revisions").await;
    browser.see("[data-testid=token-form]").await;
    open_with_token(&browser, &host, "/revisions").await;
    browser.see_text("[data-testid=history-none]", "the code of the manifest").await;
    // The page is not loaded again from here on.
    canary(&host).await;
    browser.see_text("[data-testid=rollout-state]", "25 % of the calls").await;
    let candidate = component(&host, "shop").await["rollout"]["candidate"].clone();
    let candidate = candidate.as_str().expect("a revision");
    browser.see(&format!("[data-testid=candidate][title=\"{candidate}\"]")).await;
    browser.see_text("[data-testid=rollout] [aria-current=step]", "25 % of the calls").await;
    browser.see_text("[data-testid=rollout]", "by ann").await;
    browser.see_text("[data-testid=verdict]", "not worse so far").await;
    browser.see_text("[data-testid=history-row]", "deployed").await;

    browser.click("promote").await;
    browser.see_text("dialog", "gets all calls").await;
    browser.click("confirm-no").await;
    browser.see_no("dialog").await;
    assert!(component(&host, "shop").await["rollout"].is_object(), "a canceled promotion was made");
    browser.click("promote").await;
    browser.fill("field-by", "bea").await;
    browser.click("confirm-yes").await;
    browser.see_no("[data-testid=rollout]").await;
    browser.see(&format!("[data-testid=stable][title=\"{candidate}\"]")).await;
    assert_eq!(served(&host).await, "first");

    browser.click("roll-back").await;
    browser.click("confirm-yes").await;
    browser.see_text("[data-testid=history-row]", "rolled back").await;
    eventually(async || (served(&host).await == "stable").then_some(())).await;
    let history = component(&host, "shop").await["history"].clone();
    let by = |event: &str| {
        let mut entries = history.as_array().expect("a history").iter();
        entries.find(|entry| entry["event"] == event).expect("the entry")["by"].clone()
    };
    // The name is kept until the page is left.
    assert_eq!((by("promoted"), by("rolled-back")), ("bea".into(), "bea".into()));
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn a_canary_is_rolled_back_by_a_click() {
    let host = versioned().host().start().await;
    canary(&host).await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/revisions").await;
    browser.see("[data-testid=rollout]").await;
    browser.click("roll-back").await;
    browser.see_text("dialog", "The stable revision").await;
    browser.click("confirm-yes").await;
    browser.see_no("[data-testid=rollout]").await;
    browser.see_text("[data-testid=history-row]", "rolled back").await;
    assert_eq!(served(&host).await, "stable");
    browser.assert_quiet_console().await;
    browser.close().await;
}
