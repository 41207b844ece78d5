//! Carts, checkouts and orders that do not go smoothly.

use super::Browser;
use crate::support::{Customer, Shop, order, unique};
use serde_json::{Value, json};

impl Browser {
    /// Put one piece of a product into the cart.
    async fn add(&self, shop: &Shop, sku: &str) {
        self.go(&format!("{}/products/{sku}", shop.base())).await;
        self.click("add-to-cart").await;
        self.see_text("[data-testid=cart-count]", "1").await;
    }
}

/// The attempt that the checkout keeps.
async fn attempt(browser: &Browser) -> Value {
    let text = browser.ask("return sessionStorage.getItem('tessera.attempt')").await;
    serde_json::from_str(text.as_str().unwrap_or("null")).expect("JSON")
}

#[tokio::test]
async fn a_session_that_ends_at_the_checkout_only_needs_a_new_sign_in() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 9).await;
    browser.sign_in(shop, &customer).await;
    browser.add(shop, &sku).await;
    browser.go(&format!("{}/checkout?from=here", shop.base())).await;
    browser.fill_address().await;
    let before = attempt(&browser).await;
    assert!(before["key"].is_string(), "{before}");

    // The shop ends the session, and an hour passes.
    let stored = browser.ask("return localStorage.getItem('tessera.session')").await;
    let stored: Value = serde_json::from_str(stored.as_str().unwrap()).unwrap();
    let token = stored["refresh"].as_str().unwrap();
    shop.visitor().submit("/oauth2/revoke", &[("token", token)]).await.expect(200);
    browser.ask("const now = Date.now; Date.now = () => now() + 3600_000").await;
    browser.click("place-order").await;

    browser.see("[data-testid=expired]").await;
    browser.wait_for_address("then=%2Fcheckout%3Ffrom%3Dhere").await;
    browser.type_into("email", &customer.email).await;
    browser.type_into("password", crate::support::PASSWORD).await;
    browser.click("submit").await;
    browser.see("[data-testid=checkout-form]").await;
    browser.wait_for_address("/checkout?from=here").await;
    let street = browser.ask("return document.querySelector('form [name=street]').value").await;
    assert_eq!(street, json!("St James's Square 12"));
    assert_eq!(attempt(&browser).await["key"], before["key"]);
    browser.click("place-order").await;
    browser.see_status_from("pending").await;
    assert_eq!(customer.all_orders().await.len(), 1);
    assert_eq!(attempt(&browser).await, Value::Null);
    browser.close().await;
}

#[tokio::test]
async fn a_cart_is_limited_to_the_stock_and_names_the_product() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 2).await;
    let name = format!("Sample {sku}");
    browser.sign_in(shop, &customer).await;
    browser.add(shop, &sku).await;
    browser.click("add-to-cart").await;
    browser.see_text("[data-testid=cart-count]", "2").await;
    browser.click("add-to-cart").await;
    browser.see_text("[data-testid=toast]", &format!("We only have 2 of {name}.")).await;
    browser.see_text("[data-testid=cart-count]", "2").await;

    // Another customer buys first. The cart shows this and offers the rest.
    Customer::new(shop).await.buy(&[(&sku, 1)], "tok_approved").await;
    browser.go(&format!("{}/cart", shop.base())).await;
    browser.see("[data-testid=cart-blocked]").await;
    browser.see_no("[data-testid=checkout-link]").await;
    browser.see_text("[data-testid=short]", "Only 1").await;
    browser.click("take-fewer").await;
    browser.see("[data-testid=checkout-link]").await;
    browser.see_text("[data-testid=cart-count]", "1").await;
    browser.close().await;
}

#[tokio::test]
async fn a_declined_card_leads_to_another_card() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    browser.sign_in(shop, &customer).await;
    let rejected = customer.buy(&[(&sku, 2)], "tok_declined").await;
    browser.go(&format!("{}/orders/{}", shop.base(), rejected["id"].as_str().unwrap())).await;
    browser.click("other-card").await;
    // The same things, to the same place.
    browser.see("[data-testid=checkout-form]").await;
    browser.see_text("[data-testid=cart-count]", "2").await;
    let city = browser.ask("return document.querySelector('form [name=city]').value").await;
    assert_eq!(city, json!("London"));
    browser.click("place-order").await;
    browser.see_status_from("confirmed").await;
    browser.close().await;
}

#[tokio::test]
async fn an_order_is_canceled_after_confirmation_and_shows_its_history() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let placed = customer.place(&unique(), &order(&[(&sku, 1)], "tok_approved")).await.json();
    let id = placed["id"].as_str().unwrap();
    customer.with_status(id, "confirmed").await;
    browser.sign_in(shop, &customer).await;
    browser.go(&format!("{}/orders/{id}", shop.base())).await;
    browser.click("cancel-order").await;
    browser.click("confirm-no").await;
    browser.see_no("[data-testid=confirm]").await;
    assert_eq!(customer.order(id).await["status"], "confirmed");
    browser.click("cancel-order").await;
    browser.click("confirm-yes").await;
    browser.see("[data-testid=order-status][data-status=cancelled]").await;
    for step in ["Order placed", "Paid and confirmed", "Canceled"] {
        browser.see_text("[data-testid=timeline]", step).await;
    }
    let times = "return document.querySelectorAll('[data-testid=timeline-step] time').length";
    assert!(browser.ask(times).await.as_u64().unwrap() >= 3);

    // Ordering again fills the cart only once.
    browser.click("reorder").await;
    browser.see("[data-testid=cart-line]").await;
    browser.see_text("[data-testid=cart-count]", "1").await;
    browser.close().await;
}

#[tokio::test]
async fn a_message_names_the_order_and_links_to_its_page() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let bought = customer.buy(&[(&sku, 1)], "tok_approved").await;
    let id = bought["id"].as_str().unwrap();
    let number = id[id.len() - 8..].to_uppercase();
    crate::support::eventually("the message", harness::browser::PAGE_TIMEOUT, async || {
        let all = customer.api.all("/api/v1/notifications", 50).await;
        all.iter().any(|one| one["order_id"] == id).then_some(())
    })
    .await;
    browser.sign_in(shop, &customer).await;
    browser.click("notifications-link").await;
    browser.see_text("[data-testid=message-order]", &number).await;
    browser.click("message-order").await;
    browser.wait_for_address(id).await;
    browser.see_text("h1", &number).await;
    browser.close().await;
}
