//! What operators change on the pages.

use super::{everything, inject, open, open_with_token, reject, traffic};
use crate::support::{Backend, eventually};
use fantoccini::key::Key;
use harness::Host;
use harness::browser::Browser;
use serde_json::{Value, json};

async fn breaker(host: &Host) -> Value {
    host.admin().get("/edges").await.expect(200).json()["edges"][0]["breaker"].clone()
}

#[tokio::test]
async fn a_wrong_token_is_named_as_such_and_a_correct_one_opens_the_page() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/logs").await;
    let command = format!("cat {}/admin-token", host.state().display());
    browser.see_text("[data-testid=token-command]", &command).await;
    browser.fill("token-input", "guessed").await;
    browser.click("token-submit").await;
    browser.see_text("[data-testid=token-refused]", "does not accept").await;
    assert_eq!(browser.ask("return { ...sessionStorage, ...localStorage }").await, json!({}));
    open_with_token(&browser, &host, "/logs").await;
    browser.see("[data-testid=lines]").await;
    // Another page of this tab has it, too. It is nowhere else.
    open(&browser, &host, "/traces").await;
    browser.see("[data-testid=trace-filter]").await;
    let places = "return [document.cookie, { ...localStorage }, location.href, document.documentElement.innerHTML].map(JSON.stringify).join()";
    let token = std::fs::read_to_string(host.state().join("admin-token")).expect("a token");
    assert!(!browser.ask(places).await.to_string().contains(token.trim()));
    browser.click("forget-token").await;
    browser.see("[data-testid=token-form]").await;
    browser.close().await;
}

#[tokio::test]
async fn a_dead_letter_is_replayed_from_its_page() {
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    reject(&host, &mut backend, ("key-1", "event-1"), "not yet").await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/dead-letters").await;
    browser.click("replay").await;
    browser.click("confirm-no").await;
    browser.see_no("dialog").await;
    assert!(backend.idle(), "a canceled replay was made");
    browser.click("replay").await;
    browser.click("confirm-yes").await;
    let again = backend.next().await;
    assert_eq!(again.header("ce-id"), "event-1");
    again.answer(204, "");
    browser.see_text("[data-testid=dead-letters-none]", "no dead letters").await;
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn all_events_of_a_key_and_of_a_time_span_are_replayed() {
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    // Names may have characters that URLs give a meaning.
    reject(&host, &mut backend, ("a/b c", "event-1"), "not yet").await;
    super::publish(&host, &[super::event("a/b c", "event-2")]).await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/dead-letters").await;
    browser.click("replay-key").await;
    browser.click("confirm-yes").await;
    for id in ["event-1", "event-2"] {
        let received = backend.next().await;
        assert_eq!(received.header("ce-id"), id);
        received.answer(204, "");
    }
    browser.see("[data-testid=dead-letters-none]").await;
    open(&browser, &host, "/events").await;
    browser.click("replay-span").await;
    // The time span ends now; the events are older than a second only on a slow machine.
    browser.ask("document.querySelector('[name=until]').value = '2099-01-01T00:00:00'").await;
    browser.click("confirm-yes").await;
    for id in ["event-1", "event-2"] {
        let received = backend.next().await;
        assert_eq!(received.header("ce-id"), id);
        received.answer(204, "");
    }
    browser.close().await;
}

#[tokio::test]
async fn a_dead_letter_is_discarded_after_confirmation() {
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    reject(&host, &mut backend, ("key-1", "event-1"), "never").await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/dead-letters").await;
    browser.click("discard").await;
    browser.see_text("dialog", "never receive").await;
    browser.click("confirm-yes").await;
    browser.see("[data-testid=dead-letters-none]").await;
    let left = host.admin().get("/dead-letters").await.expect(200).json();
    assert_eq!(left["dead_letters"], json!([]));
    browser.close().await;
}

#[tokio::test]
async fn a_fault_is_injected_and_removed() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().argument("--chaos").start().await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/chaos").await;
    browser.see("[data-testid=fault-form]").await;
    browser.type_into("to", "callee").await;
    browser.see("[name=effect]").await.select_by_value("trap").await.unwrap();
    browser.click("add-fault").await;
    browser.see_text("[data-testid=faults]", "to callee").await;
    host.client().get("/refuse").await.expect(502);
    let injected = host.admin().get("/faults").await.expect(200).json();
    assert_eq!(injected["faults"][0]["injected"], 1, "{injected}");
    browser.click("remove-fault").await;
    browser.see("[data-testid=faults-none]").await;
    host.client().get("/describe").await.expect(200);
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn a_fault_that_is_not_possible_is_refused_with_the_reason() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().argument("--chaos").start().await;
    inject(&host, json!({ "kind": "call", "to": "other" })).await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/chaos").await;
    browser.type_into("to", "callee").await;
    browser.type_into("min_ms", "500").await;
    browser.click("add-fault").await;
    browser.see_text("[data-testid=toast]", "must be at most").await;
    browser.click("remove-all").await;
    browser.click("confirm-yes").await;
    browser.see("[data-testid=faults-none]").await;
    browser.close().await;
}

#[tokio::test]
async fn a_breaker_is_opened_and_returned_to_automatic() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    traffic(&host).await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/policies").await;
    browser.click("breaker-open").await;
    browser.click("confirm-yes").await;
    browser.see_text("[data-testid=breaker-state]", "forced-open").await;
    assert_eq!(breaker(&host).await, "forced-open");
    let refused = host.client().get("/refuse").await.expect(502).text();
    assert!(refused.contains("opened it") || refused.contains("failed too often"), "{refused}");
    // The topology shows it.
    open(&browser, &host, "/").await;
    browser.see("[data-testid=edge].open").await;
    open(&browser, &host, "/policies").await;
    browser.click("breaker-automatic").await;
    eventually(async || (breaker(&host).await == "closed").then_some(())).await;
    host.client().get("/describe").await.expect(200);
    browser.close().await;
}

#[tokio::test]
async fn everything_can_be_done_with_the_keyboard() {
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    reject(&host, &mut backend, ("key-1", "event-1"), "not yet").await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/dead-letters").await;
    browser.see("[data-testid=token-form]").await;
    let press = async |text: &str| {
        let focused = browser.client.active_element().await.expect("the focus");
        focused.send_keys(text).await.expect("keys");
    };
    let focus_on = async |testid: &str| {
        for _ in 0..60 {
            if browser.ask("return document.activeElement?.dataset.testid ?? ''").await == testid {
                return;
            }
            press(&Key::Tab.to_string()).await;
        }
        panic!("{testid} can't be reached with the keyboard");
    };
    focus_on("token-input").await;
    let token = std::fs::read_to_string(host.state().join("admin-token")).expect("a token");
    press(token.trim()).await;
    press(&Key::Enter.to_string()).await;
    browser.see("[data-testid=replay]").await;
    focus_on("replay").await;
    // A poll in between does not move the focus.
    browser.ask("document.dispatchEvent(new Event('visibilitychange'))").await;
    press(&Key::Enter.to_string()).await;
    browser.see("dialog[open]").await;
    focus_on("confirm-yes").await;
    press(&Key::Enter.to_string()).await;
    let again = backend.next().await;
    again.answer(204, "");
    browser.see("[data-testid=dead-letters-none]").await;
    browser.close().await;
}
