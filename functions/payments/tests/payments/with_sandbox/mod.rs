//! Payments against the real sandbox provider: both run here, joined by its HTTP API and
//! its webhooks, in virtual time.

mod any_order;
mod ledger;
mod verbs;
mod webhooks;
mod wire;
