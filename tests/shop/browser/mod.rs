//! Users of the storefront, in a real Chromium.
//!
//! Needs `chromium` and `chromedriver`. Without them a test reports that it is skipped; if `CI` is
//! set, that is a failure.

mod account;
mod buying;
mod driver;
mod journey;
mod pages;
mod tabs;

use crate::support::{Customer, PASSWORD, Shop};
use driver::Browser;

impl Browser {
    /// Sign in with an existing account.
    async fn sign_in(&self, shop: &Shop, customer: &Customer) {
        self.go(&format!("{}/sign-in", shop.base())).await;
        self.type_into("email", &customer.email).await;
        self.type_into("password", PASSWORD).await;
        self.click("submit").await;
        self.see("[data-testid=sign-out]").await;
        self.see("[data-testid=product-card]").await;
    }

    /// Fill in the checkout form.
    async fn fill_address(&self) {
        for (name, value) in [
            ("name", "Ada Lovelace"),
            ("street", "St James's Square 12"),
            ("postal_code", "10115"),
            ("city", "Berlin"),
        ] {
            self.type_into(name, value).await;
        }
    }
}
