//! Pages as they look, on every screen, and what is shown when something is missing.

use super::driver::Browser;
use crate::support::{Customer, Shop};
use serde_json::{Value, json};

/// Parts of the head of the page that lie on each other or off the screen, and whether the page
/// is wider than the screen.
const LAYOUT_FAULTS: &str = "
    const faults = [];
    if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} wide`);
    const parts = [...document.querySelectorAll('.brand, .search, .account > *, .timeline li, .badge')]
      .filter((part) => part.offsetParent).map((part) => [part.textContent.trim(), part.getBoundingClientRect()]);
    parts.forEach(([one, a], i) => {
      if (a.left < 0 || a.right > innerWidth + 0.5) faults.push(`${one} is off the screen`);
      parts.slice(i + 1).forEach(([other, b]) => {
        const apart = a.right <= b.left + 0.5 || b.right <= a.left + 0.5 || a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;
        if (!apart) faults.push(`${one} lies on ${other}`);
      });
    });
    const unnamed = [...document.querySelectorAll('input, select, button, a')].filter((control) => control.offsetParent
      && !control.labels?.length && !control.getAttribute('aria-label') && !control.textContent.trim());
    unnamed.forEach((control) => faults.push(`${control.outerHTML} has no name`));
    return faults;";

impl Browser {
    async fn screen(&self, width: u32) {
        let metrics =
            json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.tell_chromium("Emulation.setDeviceMetricsOverride", metrics).await;
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
    let order = format!("/orders/{}", order["id"].as_str().unwrap());
    let product = format!("/products/{sku}");
    for (path, shows) in [
        ("/", "[data-testid=products]"),
        (product.as_str(), "[data-testid=product-name]"),
        ("/cart", "[data-testid=cart]"),
        ("/orders", "[data-testid=order-row]"),
        (order.as_str(), "[data-testid=shipment]"),
        ("/notifications", "[data-testid=preferences-form]"),
        ("/account", "[data-testid=deletion-form]"),
    ] {
        browser.go(&format!("{}{path}", shop.base())).await;
        browser.see(shows).await;
        for width in [320, 390, 1280] {
            browser.screen(width).await;
            assert_eq!(browser.ask(LAYOUT_FAULTS).await, json!([]), "{path} at {width} px");
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn the_chosen_category_is_in_sight() {
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
async fn a_search_can_be_narrowed_sorted_and_misspelt() {
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
async fn a_missing_module_is_told_instead_of_a_blank_page() {
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
async fn a_page_that_does_not_exist_says_so_in_its_title() {
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
