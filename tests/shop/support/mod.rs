//! The base of the scenarios.

mod api;
mod books;
mod buyer;
mod customer;
mod description;
mod goods;
mod place;
mod token;

pub(crate) use api::Api;
pub(crate) use books::{books_agree, books_agree_for, paid_as_served, reconciled};
pub(crate) use buyer::{Buyer, Tokens};
pub(crate) use customer::{Customer, order};
pub(crate) use description::Description;
pub(crate) use goods::product;
pub(crate) use harness::eventually;
pub(crate) use place::{OAUTH_CLIENT, OAUTH_REDIRECT, PASSWORD, Shop, catalogue_file, unique};
pub(crate) use token::{JsonWebKey, claims};
