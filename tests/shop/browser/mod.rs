//! Users of the storefront, in a real Chromium.

mod account;
mod buying;
mod journey;
mod pages;
mod tabs;

use crate::support::{Customer, PASSWORD, Shop};
use std::ops::Deref;

/// The browser of a user of the shop.
struct Browser(harness::browser::Browser);

impl Deref for Browser {
    type Target = harness::browser::Browser;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Browser {
    async fn start() -> Option<Self> {
        harness::browser::Browser::start().await.map(Self)
    }

    async fn close(self) {
        self.0.close().await;
    }

    /// Wait until the order is at this status, or further on.
    async fn see_status_from(&self, status: &str) {
        const STATUSES: [&str; 4] = ["pending", "confirmed", "shipped", "delivered"];
        let from = STATUSES.iter().position(|known| *known == status).expect("a status");
        let selectors: Vec<String> = STATUSES[from..]
            .iter()
            .map(|status| format!("[data-testid=order-status][data-status={status}]"))
            .collect();
        self.see(&selectors.join(", ")).await;
    }

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
