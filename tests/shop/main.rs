//! The public API of the shop, as customers and administrators use it, and the contracts of its
//! components. What the tests of a function check alone is not repeated here.
//!
//! All scenarios share one shop, which a host under test runs. With `TESSERA_BASE_URL` they use
//! that address instead, and tests that need their own process are skipped with a reason. Such a
//! shop must be started with `courier_simulation_ms = 0`, so that parcels move only when a scenario
//! reports it, and knows the application of the authorization-code scenarios only with
//! `oauth_clients = [{"client_id": "comparison-site", "redirect_uris":
//! ["https://compare.example/back?from=shop"]}]`. Its administrator is the manifest's, or
//! `TESSERA_ADMIN_EMAIL` with `TESSERA_ADMIN_PASSWORD`; the scenarios sweep it, as a cron would.
//! Each scenario has its own customers and products, and every response is compared with the
//! OpenAPI description.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod accounts;
mod administration;
mod attacks;
mod bad_input;
mod bridged;
mod browser;
mod cancelling;
mod cart;
mod catalogue;
mod checkout;
mod contracts;
mod crashes;
mod durability;
mod experiments;
mod exported;
mod failures;
mod feature_flags;
mod floods;
mod hostile;
mod live_status;
mod manifest;
mod messages;
mod money;
mod oauth;
mod openapi;
mod races;
mod reconciliation;
mod shipping;
mod spans;
mod stock_spin;
mod strangler;
mod support;
