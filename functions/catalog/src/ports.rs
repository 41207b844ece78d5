//! What the catalogue needs of others.

use std::future::Future;

/// How many pieces there are: inventory's knowledge, not ours.
pub trait Stock: Clone + Send + Sync + 'static {
    /// SKU and pieces that can be bought now, for at most 100 SKUs.
    fn available(
        &self,
        skus: Vec<String>,
    ) -> impl Future<Output = Result<Vec<(String, u32)>, StockUnknown>> + Send;
}

/// Inventory did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockUnknown(pub String);
