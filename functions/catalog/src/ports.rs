//! The functions that the catalog calls.

use std::future::Future;

/// The stock, which inventory owns.
pub trait Stock: Clone + Send + Sync + 'static {
    /// The SKUs and the quantities that can be ordered now, for at most 100 SKUs.
    fn available(
        &self,
        skus: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, u32)>, StockUnknown>> + Send;
}

/// Inventory did not respond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockUnknown(pub String);
