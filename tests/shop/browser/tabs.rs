//! Several tabs of one browser.

use super::Browser;
use crate::support::{Customer, Shop};
use serde_json::json;

/// An element that is only shown to signed-in users.
const SIGNED_IN: &str = "[data-testid=sign-out]";
const SIGNED_OUT: &str = "[data-testid=sign-in-link]";

#[tokio::test]
async fn a_duplicated_tab_and_a_new_one_are_signed_in_and_stay_so() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.sign_in(shop, &customer).await;
    let first = browser.client.window().await.expect("the first tab");
    browser.duplicate_tab().await;
    browser.see(SIGNED_IN).await;
    let copy = browser.client.window().await.expect("the copy");
    browser.open_tab(shop.base()).await;
    browser.see(SIGNED_IN).await;

    // Each page load renews the session. A tab with a copy of the token would use one that is older
    // than the last two, which counts as theft and ends the session.
    for tab in [&first, &first, &first, &copy, &copy, &copy, &first] {
        browser.client.switch_to_window(tab.clone()).await.expect("a tab");
        browser.client.refresh().await.expect("a reload");
        browser.see(SIGNED_IN).await;
        browser.see("[data-testid=product-card]").await;
    }

    // A sign-out applies to all tabs without a reload.
    browser.client.switch_to_window(copy.clone()).await.expect("the copy");
    browser.go(&format!("{}/orders", shop.base())).await;
    browser.see("[data-testid=empty]").await;
    browser.client.switch_to_window(first).await.expect("the first tab");
    browser.click("sign-out").await;
    browser.see(SIGNED_OUT).await;
    browser.client.switch_to_window(copy).await.expect("the copy");
    browser.see("[data-testid=sign-in-form]").await;
    browser.wait_for_address("then=%2Forders").await;
    browser.close().await;
}

#[tokio::test]
async fn tabs_that_open_at_once_share_the_session() {
    const TABS: usize = 5;
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.sign_in(shop, &customer).await;
    let mine = browser.client.windows().await.expect("tabs");
    browser
        .ask(&format!("for (let i = 0; i < {TABS}; i += 1) open('/cart', '_blank', 'noopener')"))
        .await;
    let tabs = crate::support::eventually("all tabs", harness::browser::PAGE_TIMEOUT, async || {
        let tabs = browser.client.windows().await.expect("tabs");
        (tabs.len() == mine.len() + TABS).then_some(tabs)
    })
    .await;
    for tab in tabs {
        browser.client.switch_to_window(tab).await.expect("a tab");
        browser.see(SIGNED_IN).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn a_guests_cart_is_counted_in_every_tab() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let count = "[data-testid=cart-count]";
    browser.go(shop.base()).await;
    browser.see_text(count, "0").await;
    let first = browser.client.window().await.expect("the first tab");
    browser.open_tab(&format!("{}/products/KIT-0015", shop.base())).await;
    let second = browser.client.window().await.expect("the second tab");
    browser.click("add-to-cart").await;
    browser.see_text(count, "1").await;
    browser.client.switch_to_window(first.clone()).await.expect("the first tab");
    browser.see_text(count, "1").await;

    // In the other direction: the cart page in one tab shows changes of the other one.
    browser.go(&format!("{}/cart", shop.base())).await;
    browser.see("[data-testid=cart-line]").await;
    browser.client.switch_to_window(second).await.expect("the second tab");
    browser.click("add-to-cart").await;
    browser.see_text(count, "2").await;
    browser.client.switch_to_window(first).await.expect("the first tab");
    browser.see_text("[data-testid=cart] .page-head", "2 items").await;
    browser.close().await;
}

/// Searches all storage for tokens. Finding the opaque refresh token in its only place proves that
/// the search works.
#[tokio::test]
async fn tokens_are_only_stored_where_they_should_be() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.sign_in(shop, &customer).await;
    browser.go(&format!("{}/account", shop.base())).await;
    browser.see("[data-testid=person-form]").await;
    let places = browser
        .ask(
            "return { cookie: document.cookie, session: { ...sessionStorage },
                      local: { ...localStorage }, address: location.href, name: window.name,
                      state: JSON.stringify(history.state), page: document.documentElement.outerHTML }",
        )
        .await;
    let stored = places["local"]["tessera.session"].as_str().expect("the session's place");
    let stored: serde_json::Value = serde_json::from_str(stored).expect("JSON");
    let refresh = stored["refresh"].as_str().expect("a refresh token");
    assert!(!refresh.starts_with("eyJ") && refresh.len() > 40, "{refresh}");
    let mut elsewhere = places.clone();
    elsewhere["local"].as_object_mut().expect("names").remove("tessera.session");
    let secret = refresh.rsplit('.').nth(1).expect("the secret part");
    assert!(!elsewhere.to_string().contains(secret), "the refresh token is elsewhere, too");
    // A signed token begins with the base64url encoding of `{"`.
    assert!(!places.to_string().contains("eyJ"), "an access token is in storage: {places}");
    let names = browser.ask("return indexedDB.databases().then((all) => all.length)").await;
    assert_eq!(names, json!(0));
    browser.close().await;
}
