//! The account page, and signing in.

use super::Browser;
use crate::support::{Customer, PASSWORD, Shop, eventually};
use serde_json::json;

impl Browser {
    async fn value(&self, form: &str, name: &str) -> String {
        let script =
            format!("return document.querySelector('[data-testid={form}] [name={name}]').value");
        self.ask(&script).await.as_str().expect("a text").to_owned()
    }

    /// Replace the text of a field in one of several forms.
    async fn type_in_form(&self, form: &str, name: &str, text: &str) {
        let field = self.see(&format!("[data-testid={form}] [name={name}]")).await;
        field.clear().await.expect("an empty field");
        field.send_keys(text).await.unwrap_or_else(|error| panic!("type into {name}: {error}"));
    }
}

#[tokio::test]
async fn signing_in_leads_to_no_other_host() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    // The dot segment goes, and `//evil.example/` is left.
    browser.go(&format!("{}/sign-in?then=%2F.%2F%2Fevil.example%2F", shop.base())).await;
    browser.type_into("email", &customer.email).await;
    browser.type_into("password", PASSWORD).await;
    browser.click("submit").await;
    browser.see("[data-testid=sign-out]").await;
    browser.see("[data-testid=product-card]").await;
    browser.assert_quiet_console().await;
    browser.close().await;
}

#[tokio::test]
async fn name_and_address_are_stored_and_suggested() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    browser.sign_in(shop, &customer).await;
    browser.click("account-link").await;
    browser.type_in_form("person-form", "name", "Augusta King").await;
    browser.click("save-person").await;
    browser.see_text("[data-testid=toast]", "Saved").await;
    let me = customer.api.get("/api/v1/users/me").await.expect(200).json();
    assert_eq!(me["name"], "Augusta King");

    for (name, value) in
        [("street", "Ockham Park 1"), ("postal_code", "GU23 6NG"), ("city", "Ockham")]
    {
        browser.type_in_form("address-form", name, value).await;
    }
    browser.click("save-address").await;
    browser.see("[data-testid=forget-address]:not([hidden])").await;
    browser.go(&format!("{}/products/{sku}", shop.base())).await;
    browser.click("add-to-cart").await;
    browser.see_text("[data-testid=cart-count]", "1").await;
    browser.go(&format!("{}/checkout", shop.base())).await;
    browser.see("[data-testid=checkout-form]").await;
    assert_eq!(browser.value("checkout-form", "city").await, "Ockham");

    // It is removed at sign-out.
    browser.click("sign-out").await;
    browser.see("[data-testid=sign-in-link]").await;
    let kept = "return JSON.stringify({ ...localStorage, ...sessionStorage })";
    eventually("the address was removed", harness::browser::PAGE_TIMEOUT, async || {
        (!browser.ask(kept).await.to_string().contains("Ockham")).then_some(())
    })
    .await;
    browser.close().await;
}

#[tokio::test]
async fn without_a_saved_address_that_of_the_last_order_is_suggested() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    customer.buy(&[(&sku, 1)], "tok_approved").await;
    browser.sign_in(shop, &customer).await;
    browser.go(&format!("{}/products/{sku}", shop.base())).await;
    browser.click("add-to-cart").await;
    browser.see_text("[data-testid=cart-count]", "1").await;
    browser.go(&format!("{}/checkout", shop.base())).await;
    browser.see("[data-testid=checkout-form]").await;
    assert_eq!(browser.value("checkout-form", "street").await, "12 St James's Square");
    browser.close().await;
}

#[tokio::test]
async fn a_changed_password_ends_other_sessions_and_keeps_this_one() {
    const NEW: &str = "another password of some words";
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.sign_in(shop, &customer).await;
    browser.click("account-link").await;
    browser.type_in_form("password-form", "current_password", "not this one at all").await;
    browser.type_in_form("password-form", "new_password", NEW).await;
    browser.click("change-password").await;
    browser.see_text("[data-testid=current_password-fault]", "not your password").await;
    browser.type_in_form("password-form", "current_password", PASSWORD).await;
    browser.click("change-password").await;
    browser.see_text("[data-testid=toast]", "changed").await;
    browser.client.refresh().await.expect("a reload");
    browser.see("[data-testid=person-form]").await;

    let sign_in = async |password: &str| {
        let credentials = json!({"email": customer.email, "password": password});
        shop.visitor().post("/api/v1/sessions", &credentials).await.status.as_u16()
    };
    assert_eq!((sign_in(PASSWORD).await, sign_in(NEW).await), (401, 200));
    let old = customer.session["refresh_token"].as_str().expect("a token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", old)];
    shop.visitor().submit("/oauth2/token", &form).await.expect(400);
    browser.close().await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_this_session_and_the_others() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.sign_in(shop, &customer).await;
    browser.click("account-link").await;
    browser.click("account-sign-out-everywhere").await;
    browser.see_text("[data-testid=toast]", "all devices").await;
    browser.see("[data-testid=sign-in-link]").await;
    let other = customer.session["refresh_token"].as_str().expect("a token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", other)];
    shop.visitor().submit("/oauth2/token", &form).await.expect(400);
    browser.close().await;
}

#[tokio::test]
async fn an_account_is_deleted_after_password_and_confirmation() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.sign_in(shop, &customer).await;
    browser.click("account-link").await;
    browser.type_in_form("deletion-form", "password", PASSWORD).await;
    browser.click("delete-account").await;
    browser.click("confirm-yes").await;
    browser.see("[data-testid=sign-in-link]").await;
    let credentials = json!({"email": customer.email, "password": PASSWORD});
    shop.visitor().post("/api/v1/sessions", &credentials).await.expect(401);
    browser.close().await;
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail() {
    const NEW: &str = "a password to remember";
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let customer = Customer::new(shop).await;
    browser.go(&format!("{}/sign-in", shop.base())).await;
    browser.click("forgot-link").await;
    browser.type_into("email", &customer.email).await;
    browser.click("submit").await;
    browser.see("[data-testid=reset-sent]").await;
    let token = eventually("the mail", harness::browser::PAGE_TIMEOUT, async || {
        let list = shop.visitor().get("/mailbox").await.expect(200).text();
        let row = list
            .split("<li")
            .find(|row| row.contains(&customer.email) && row.to_lowercase().contains("password"))?;
        let path = row.split("href=\"").nth(1)?.split('"').next()?;
        let mail = shop.visitor().get(path).await.expect(200).text();
        let token = mail.split("/reset?token=").nth(1)?;
        let end = token.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c))?;
        Some(token[..end].to_owned())
    })
    .await;
    let link = format!("{}/reset?token={token}", shop.base());
    browser.go(&link).await;
    browser.type_into("new_password", NEW).await;
    let address = browser.client.current_url().await.expect("an address");
    assert!(!address.as_str().contains(&token), "the token stays in the address bar");
    browser.click("submit").await;
    browser.see("[data-testid=sign-in-form]").await;
    browser.type_into("email", &customer.email).await;
    browser.type_into("password", NEW).await;
    browser.click("submit").await;
    browser.see("[data-testid=sign-out]").await;

    // The link can be used once.
    browser.go(&link).await;
    browser.type_into("new_password", NEW).await;
    browser.click("submit").await;
    browser.see("[data-testid=reset-outdated]").await;
    browser.close().await;
}
