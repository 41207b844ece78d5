//! The complete journey of a customer.

use super::Browser;
use crate::support::{Shop, unique};

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

    // Search the catalog; the search is in the address bar.
    browser.fill("search-input", "knife").await;
    browser.click("search-button").await;
    browser.wait_for_address("knife").await;
    browser.see("[data-testid=product-card]").await;
    browser.click("product-link").await;
    browser.see("[data-testid=product-name]").await;

    // Fill the cart, then register before the checkout.
    browser.click("add-to-cart").await;
    browser.see_text("[data-testid=cart-count]", "1").await;
    page.goto(&format!("{base}/register")).await.expect("the form");
    let email = format!("{}@example.com", unique().to_lowercase());
    for (name, value) in
        [("name", "Ada Lovelace"), ("email", &email), ("password", "engines and notes")]
    {
        browser.type_into(name, value).await;
    }
    browser.click("submit").await;
    browser.see("[data-testid=sign-out]").await;
    // Registering leads back to the products. A click before that could be lost.
    browser.see("[data-testid=product-card]").await;

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
