//! The functions that the cart calls.

use std::future::Future;

use crate::domain::Product;

/// The catalog.
pub trait Products: Clone + Send + Sync + 'static {
    /// The products with these SKUs, at most 100, in any order; unknown ones are left out.
    fn get_many(
        &self,
        skus: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Product>, Unavailable>> + Send;
}

/// The catalog did not respond. Retrying is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);
