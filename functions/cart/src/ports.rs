//! What the cart needs of others.

use std::future::Future;

use chassis::money::Money;

/// What a basket shows of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Names it.
    pub sku: String,
    /// As on a label.
    pub name: String,
    /// For one piece, now.
    pub price: Money,
}

/// The catalogue.
pub trait Products: Clone + Send + Sync + 'static {
    /// The products with these SKUs, at most 100, in any order; unknown ones are left out.
    fn get_many(
        &self,
        skus: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Product>, Unavailable>> + Send;
}

/// The catalogue did not answer. Repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);
