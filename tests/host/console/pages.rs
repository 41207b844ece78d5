//! What the pages show.

use super::{everything, open, open_with_token, reject, traffic};
use crate::support::{Application, Backend, application};
use harness::browser::Browser;
use harness::{Host, soon};
use serde_json::{Value, json};

/// The text of the row of a table that contains another text.
async fn see_row(browser: &Browser, table: &str, part: &str) -> String {
    let script = format!(
        "return [...document.querySelectorAll('[data-testid={table}-row]')]
            .map((row) => row.innerText).find((text) => text.includes('{part}')) ?? null"
    );
    let mut row = String::new();
    harness::eventually(
        &format!("a row with {part}"),
        harness::browser::PAGE_TIMEOUT,
        async || {
            row = browser.ask(&script).await.as_str()?.to_owned();
            Some(())
        },
    )
    .await;
    row
}

#[tokio::test]
async fn the_topology_shows_calls_with_their_rates() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    traffic(&host).await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/").await;
    browser.see("[data-testid=ready]").await;
    // Counters become rates with the second reading.
    let row = "[...document.querySelectorAll('[data-testid=edges-row]')].map((row) => row.innerText)
        .find((text) => text.includes('caller') && text.includes('callee') && !text.includes('\\t0/s'))";
    harness::eventually("a rate", harness::browser::PAGE_TIMEOUT, async || {
        traffic(&host).await;
        let shown = browser.ask(&format!("return {row} ?? null")).await;
        let shown = shown.as_str()?.to_owned();
        (shown.contains("/s") && shown.contains("closed") && shown.contains("0 %")).then_some(())
    })
    .await;
    let curve = "[data-testid=edge][data-from=\"component/caller\"][data-to=\"component/callee\"]";
    browser.see(curve).await;
    let nodes = browser
        .ask("return [...document.querySelectorAll('[data-testid=node]')].map((one) => one.dataset.id)")
        .await;
    for node in ["outside", "component/caller", "component/callee", "component/guest"] {
        assert!(nodes.as_array().unwrap().contains(&json!(node)), "{node}: {nodes}");
    }
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn a_component_has_a_page_with_its_figures_limits_and_log() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    host.client().get("/log").await.expect(200);
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/logs").await;
    open(&browser, &host, "/components/guest").await;
    browser.see_text("h1", "guest").await;
    browser.see_text("[data-testid=limits]", "memory_max_mib").await;
    browser.see_text("[data-testid=tile-instances]", "made").await;
    assert!(see_row(&browser, "routes", "GET /log").await.contains("200 1"));
    assert!(see_row(&browser, "routes", "POST /log").await.contains("schedule"));
    browser.see_text("[data-testid=lines]", "an ordinary line").await;
    let digest = host.admin().get("/components/guest").await.expect(200).json();
    let digest = digest["component"]["revision"].as_str().expect("a digest").to_owned();
    browser.see(&format!("[data-testid=revision][title=\"{digest}\"]")).await;
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn a_trace_is_found_by_the_id_of_its_request_and_shows_its_log() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let client = host.client().with("x-request-id", "order-4711");
    client.get("/outbound?url=http://subscriber.spin.internal/log").await.expect(200);
    client.get("/describe").await.expect(200);
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/traces").await;
    assert!(see_row(&browser, "traces", "GET /outbound").await.contains("order-4711"));
    browser.type_into("id", "order-4711").await;
    browser.click("trace-lookup-apply").await;
    browser.see("[data-testid=span][data-kind=chained]").await;
    browser.see("[data-testid=span][data-kind=link]").await;
    browser.see_text("[data-testid=lines]", "an ordinary line").await;
    // The span that another one caused is below it, and further to the right.
    let depths = browser
        .ask(
            "return [...document.querySelectorAll('[data-kind=http] th, [data-kind=chained] th')]
                .map((cell) => cell.style.getPropertyValue('--depth'))",
        )
        .await;
    assert!(depths.to_string().contains(r#""0","1""#), "{depths}");
    browser.see("[data-testid=span][data-kind=chained] button").await.click().await.unwrap();
    browser.see_text("[data-testid=span-details]", "Of that itself").await;
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn traces_are_filtered() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    host.client().get("/describe").await.expect(200);
    host.client().get("/trap").await.expect(502);
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/traces").await;
    see_row(&browser, "traces", "GET /...").await;
    browser.see("[data-testid=field-failed]").await.click().await.unwrap();
    browser.click("trace-filter-apply").await;
    browser.wait_for_address("failed=true").await;
    let outcomes = "return [...document.querySelectorAll('[data-testid=traces-row]')].map((row) => row.innerText)";
    harness::eventually("only failures", harness::browser::PAGE_TIMEOUT, async || {
        let rows = browser.ask(outcomes).await;
        let rows = rows.as_array()?;
        (rows.len() == 1 && rows[0].as_str()?.contains("502")).then_some(())
    })
    .await;
    browser.close().await;
}

#[tokio::test]
async fn log_lines_are_filtered_by_component_trace_and_text() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let traced = host.client().with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    traced.get("/log").await.expect(200);
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/logs").await;
    browser.see_text("[data-testid=lines]", "listening").await;
    browser.type_into("trace_id", TRACE).await;
    browser.type_into("text", "ordinary").await;
    browser.click("log-filter-apply").await;
    browser.wait_for_address(TRACE).await;
    browser.see_text("[data-testid=lines]", "an ordinary line").await;
    let others =
        "return [...document.querySelectorAll('[data-testid=line]')].map((line) => line.innerText)
                    .filter((text) => !text.includes('ordinary')).length";
    harness::eventually("no other lines", harness::browser::PAGE_TIMEOUT, async || {
        (browser.ask(others).await == json!(0)).then_some(())
    })
    .await;
    browser.close().await;
}

#[tokio::test]
async fn events_dead_letters_schedules_and_policies_have_pages() {
    let mut backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    traffic(&host).await;
    reject(&host, &mut backend, ("key-1", "event-1"), "no such thing").await;
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/events").await;
    assert!(see_row(&browser, "events", "com.test.thing.happened.v1").await.contains("key-1"));
    see_row(&browser, "subscriptions", "com.test.*").await;
    open(&browser, &host, "/dead-letters").await;
    assert!(see_row(&browser, "dead-letters", "rejected").await.contains("422: no such thing"));
    open(&browser, &host, "/schedules").await;
    assert!(see_row(&browser, "schedules", "POST /log").await.contains("every 10 min"));
    open(&browser, &host, "/policies").await;
    assert!(see_row(&browser, "policies", "guarded").await.contains("5000 ms per attempt"));
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn the_last_page_of_the_event_log_is_found() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let events: Vec<Value> = (0..70).map(|n| super::event("k", &format!("event-{n}"))).collect();
    for some in events.chunks(50) {
        super::publish(&host, some).await;
    }
    let Some(browser) = Browser::start().await else { return };
    open_with_token(&browser, &host, "/events").await;
    see_row(&browser, "events", "com.test").await;
    let positions = "return [...document.querySelectorAll('[data-testid=events-row] th')].map((cell) => Number(cell.innerText)).at(-1)";
    assert_eq!(browser.ask(positions).await, json!(50));
    browser.click("latest-page").await;
    harness::eventually("the last event", harness::browser::PAGE_TIMEOUT, async || {
        (browser.ask(positions).await == json!(70)).then_some(())
    })
    .await;
    browser.close().await;
}

#[tokio::test]
async fn pages_explain_what_the_application_or_the_host_does_not_have() {
    let host = application(Application::GUEST).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/chaos").await;
    browser.see_text("[data-testid=no-chaos]", "--chaos").await;
    open(&browser, &host, "/events").await;
    browser.see("[data-testid=no-events]").await;
    open(&browser, &host, "/schedules").await;
    browser.see_text("[data-testid=schedules-none]", "no schedules").await;
    open(&browser, &host, "/policies").await;
    browser.see_text("[data-testid=policies-none]", "no policies").await;
    open(&browser, &host, "/nothing").await;
    browser.see_text("h1", "Page not found").await;
    browser.close().await;
}

#[tokio::test]
async fn a_lost_connection_is_shown_until_the_host_responds_again() {
    let host: Host = application(Application::GUEST).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/").await;
    browser.see("[data-testid=ready]").await;
    let offline = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.tell_chromium("Network.enable", json!({})).await;
    browser.tell_chromium("Network.emulateNetworkConditions", offline(true)).await;
    browser.see_text("[data-testid=banner]", "does not respond").await;
    browser.see("[data-testid=components-row]").await;
    browser.tell_chromium("Network.emulateNetworkConditions", offline(false)).await;
    browser.see_no("[data-testid=banner]").await;
    soon(browser.see("[data-testid=ready]")).await;
    browser.close().await;
}

#[tokio::test]
async fn a_hidden_page_does_not_poll() {
    let host: Host = application(Application::GUEST).host().start().await;
    let Some(browser) = Browser::start().await else { return };
    open(&browser, &host, "/").await;
    browser.see("[data-testid=ready]").await;
    // What is going on: timers and requests. While the page is visible, there is always one of them.
    let watch = "
        let hidden = true;
        Object.defineProperty(document, 'hidden', { get: () => hidden });
        window.show = () => { hidden = false; document.dispatchEvent(new Event('visibilitychange')); };
        window.timers = new Set();
        window.requests = 0;
        window.polls = 0;
        const [set, clear, send] = [window.setTimeout, window.clearTimeout, window.fetch];
        window.setTimeout = (work, ms) => {
            const id = set(() => { timers.delete(id); work(); }, ms);
            timers.add(id);
            return id;
        };
        window.clearTimeout = (id) => { timers.delete(id); clear(id); };
        window.fetch = (...all) => {
            requests += 1;
            polls += 1;
            return send(...all).finally(() => { requests -= 1; });
        };
        document.dispatchEvent(new Event('visibilitychange'));";
    browser.ask(watch).await;
    let going_on = "return timers.size + requests";
    harness::eventually("the end of the poll", harness::browser::PAGE_TIMEOUT, async || {
        (browser.ask(going_on).await == json!(0)).then_some(())
    })
    .await;
    for _ in 0..50 {
        assert_eq!(browser.ask(going_on).await, json!(0), "a hidden page polls");
    }
    let before = browser.ask("return polls").await;
    browser.ask("show()").await;
    harness::eventually("a poll", harness::browser::PAGE_TIMEOUT, async || {
        (browser.ask("return polls").await.as_u64() > before.as_u64()).then_some(())
    })
    .await;
    browser.close().await;
}
