//! The layout of pages on all screen sizes, and error pages.

use super::Browser;
use crate::support::{Customer, OAUTH_CLIENT, OAUTH_REDIRECT, Shop};
use serde_json::{Value, json};

/// What is wrong with the layout and the colors of a page.
const LAYOUT_FAULTS: &str = include_str!("layout_faults.js");
/// Widths of screens, in pixels.
const WIDTHS: [u32; 4] = [320, 390, 768, 1280];

impl Browser {
    async fn screen(&self, width: u32) {
        let metrics =
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.tell_chromium("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Show the page in a color scheme. Nothing moves, because a color in transition is neither
    /// the old one nor the new one.
    async fn scheme(&self, scheme: &str) {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.tell_chromium("Emulation.setEmulatedMedia", features).await;
    }

    /// Each page, given as its path and a part of it, fits every screen and is readable.
    async fn assert_layout(&self, shop: &Shop, pages: &[(&str, &str)]) {
        for (path, shows) in pages {
            self.go(&format!("{}{path}", shop.base())).await;
            self.see(shows).await;
            for scheme in ["light", "dark"] {
                self.scheme(scheme).await;
                for width in WIDTHS {
                    self.screen(width).await;
                    let faults = self.ask(LAYOUT_FAULTS).await;
                    assert_eq!(faults, json!([]), "{path} at {width} px, {scheme}");
                }
            }
        }
    }
}

#[tokio::test]
async fn nothing_overlaps_or_leaves_the_screen_at_any_width() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let (admin, customer) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = customer.buy(&[(&sku, 1)], "tok_approved").await;
    browser.sign_in(shop, &customer).await;
    let line = format!("/api/v1/cart/items/{sku}");
    customer.api.put(&line, &json!({"quantity": 2})).await.expect(200);
    let order = format!("/orders/{}", order["id"].as_str().unwrap());
    let product = format!("/products/{sku}");
    let pages = [
        ("/", "[data-testid=products]"),
        (product.as_str(), "[data-testid=product-name]"),
        ("/cart", "[data-testid=cart-line]"),
        ("/checkout", "[data-testid=checkout-form]"),
        ("/orders", "[data-testid=order-row]"),
        (order.as_str(), "[data-testid=shipment]"),
        ("/notifications", "[data-testid=preferences-form]"),
        ("/account", "[data-testid=deletion-form]"),
    ];
    browser.assert_layout(shop, &pages).await;
    browser.close().await;
}

#[tokio::test]
async fn pages_for_visitors_fit_every_screen_too() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let admin = shop.admin().await;
    let sold_out = format!("/products/{}", shop.product(&admin, 0).await);
    let consent = authorization(OAUTH_CLIENT);
    let refusal = authorization("unknown");
    // Only a shop of the tests is certain to know the application.
    let form = if shop.host().is_some() { "form [name=email]" } else { "h1" };
    let pages = [
        ("/?q=knief", "[data-testid=approximate]"),
        ("/?q=xyzzyplugh", "[data-testid=empty]"),
        (sold_out.as_str(), "[data-testid=availability][data-tone=bad]"),
        ("/cart", "[data-testid=empty]"),
        ("/sign-in", "[data-testid=sign-in-form]"),
        ("/register", "[data-testid=register-form]"),
        ("/forgot", "[data-testid=forgot-form]"),
        ("/reset", "[data-testid=reset-outdated]"),
        ("/reset?token=unknown", "[data-testid=reset-form]"),
        ("/nowhere", ".empty"),
        (consent.as_str(), form),
        (refusal.as_str(), "[role=alert]"),
        ("/mailbox", "h1"),
        ("/mailbox/nothing", "h1"),
        ("/problems", "h1"),
        ("/problems/price-changed", "h2"),
    ];
    browser.assert_layout(shop, &pages).await;
    browser.close().await;
}

/// Where an application sends people who sign in for it.
fn authorization(client: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", OAUTH_REDIRECT),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("scope", "openid email"),
        ])
        .finish();
    format!("/oauth2/authorize?{query}")
}

#[tokio::test]
async fn the_chosen_category_is_visible() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    browser.screen(390).await;
    browser.go(&format!("{}/?category=toys-games", shop.base())).await;
    browser.see("[data-testid=category-toys-games][aria-current]").await;
    let place = "const { left, right } = document.querySelector('.chip[aria-current]').getBoundingClientRect();
                 return left >= 0 && right <= innerWidth";
    assert_eq!(browser.ask(place).await, json!(true));
    browser.close().await;
}

#[tokio::test]
async fn a_search_can_be_filtered_sorted_and_misspelled() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    let skus = "return [...document.querySelectorAll('[data-testid=product-card]')].map((card) => card.dataset.sku)";
    browser.go(&format!("{}/?q=knief", shop.base())).await;
    browser.see_text("[data-testid=approximate]", "knief").await;
    let found = browser.ask(skus).await;
    assert!(found.as_array().unwrap().contains(&json!("KIT-0001")), "{found}");
    browser.go(&format!("{}/?q=kit-0011", shop.base())).await;
    browser.see("[data-testid=product-card]").await;
    assert_eq!(browser.ask(skus).await, json!(["KIT-0011"]));

    browser.go(&format!("{}/?category=kitchen", shop.base())).await;
    browser.see_text("[data-testid=shown]", "21 products").await;
    browser.see_text("[data-testid=category-kitchen]", "21").await;
    browser.see("[data-testid=choose-sort] option[value=price]").await.click().await.unwrap();
    browser.wait_for_address("sort=price").await;
    browser.see("[data-testid=product-card][data-sku=KIT-0015]:first-child").await;
    browser.go(&format!("{}/?category=kitchen&price=100-", shop.base())).await;
    browser.see_text("[data-testid=shown]", "2 products").await;
    browser.close().await;
}

#[tokio::test]
async fn a_missing_module_shows_an_error_instead_of_a_blank_page() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    browser.tell_chromium("Network.enable", json!({})).await;
    browser.tell_chromium("Network.setBlockedURLs", json!({"urls": ["*/js/views/cart.js"]})).await;
    browser.go(shop.base()).await;
    browser.see_text("[data-testid=boot]", "could not be loaded").await;
    browser.see(".boot-help.now a").await;
    browser.close().await;
}

#[tokio::test]
async fn the_title_of_an_unknown_page_says_so() {
    let shop = Shop::shared().await;
    let Some(browser) = Browser::start().await else { return };
    for path in ["/nowhere", "/products/NO-SUCH-THING"] {
        browser.go(&format!("{}{path}", shop.base())).await;
        browser.see_text("h1", "does not exist").await;
        let title = browser.ask("return document.title").await;
        assert!(title.as_str().unwrap().contains("not found"), "{path}: {title}");
        let size = "return parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)";
        assert!(browser.ask(size).await.as_f64().unwrap() > 24.0, "{path} has no style");
    }
    let page: Value =
        browser.ask("return document.querySelectorAll('script:not([src])').length").await;
    assert_eq!(page, json!(0));
    browser.close().await;
}
