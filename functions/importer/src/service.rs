//! Importing the data file, once.

use chassis::clock::Timer;
use chassis::http::Outbound;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use serde::Serialize;

use crate::client::{Failure, Offered, Shop};
use crate::domain::{Data, Item, Progress};

/// The number of products that are imported concurrently.
pub const PARALLEL: usize = 8;
/// The number of products between two lines in the log.
const LOG_EVERY: usize = 64;
const PROGRESS: &str = "progress";

/// The email address and password of an administrator.
#[derive(Clone)]
pub struct Credentials {
    /// Email address.
    pub email: String,
    /// Password.
    pub password: String,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// SHA-256 of the data file.
    pub file: String,
    /// Products in the file.
    pub products: usize,
    /// Products of the file that were checked; the others were known to be in the shop.
    pub imported: usize,
    /// Of those: new in the catalog.
    pub created: usize,
    /// Of those: changed in the catalog.
    pub updated: usize,
    /// Of those: pieces were received.
    pub received: usize,
}

/// Why an import stopped. The progress until then is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The shop refused a call, or did not respond.
    #[error("{}: {}", .0.call, .0.reason)]
    Shop(Failure),
    /// The importer's own store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The import.
#[derive(Clone)]
pub struct Importer<S, H, T> {
    store: S,
    shop: Shop<H, T>,
    credentials: Credentials,
}

impl<S: Store, H: Outbound, T: Timer> Importer<S, H, T> {
    /// An importer that stores its progress in `store` and calls `shop` as this administrator.
    pub fn new(store: S, shop: Shop<H, T>, credentials: Credentials) -> Self {
        Importer { store, shop, credentials }
    }

    /// Imports all products of `data`. Continues an interrupted import; does nothing if the same
    /// file was imported completely.
    ///
    /// # Errors
    /// See [`Error`]. Repeating continues the import.
    pub async fn import(&self, data: &Data) -> Result<Summary, Error> {
        let mut progress: Progress = self.store.read(PROGRESS).await?.unwrap_or_default();
        let mut summary =
            Summary { file: data.hash.clone(), products: data.items.len(), ..Summary::default() };
        if progress.covers(data) {
            return Ok(summary);
        }
        let pending = progress.pending(data);
        if !pending.is_empty() {
            let Credentials { email, password } = &self.credentials;
            let shop = self.shop.clone().signed_in(email, password).await;
            let shop = shop.map_err(Error::Shop)?;
            eprintln!("importing {} of {} products", pending.len(), data.items.len());
            self.import_all(&shop, &pending, &mut progress, &mut summary).await?;
        }
        progress.complete(data);
        self.store.write(PROGRESS, &progress).await?;
        eprintln!("all {} products are in the shop", data.items.len());
        Ok(summary)
    }

    async fn import_all(
        &self,
        shop: &Shop<H, T>,
        pending: &[&Item],
        progress: &mut Progress,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        for batch in pending.chunks(PARALLEL) {
            let results = join_all(batch.iter().map(|item| import_one(shop, item))).await;
            let mut failed = None;
            for (item, result) in batch.iter().zip(results) {
                match result {
                    Ok((offered, received)) => {
                        progress.note(item);
                        summary.count(offered, received);
                    }
                    Err(failure) => failed = Some(failure),
                }
            }
            // Progress is stored even if another product of the batch failed.
            self.store.write(PROGRESS, &*progress).await?;
            if let Some(failure) = failed {
                return Err(Error::Shop(failure));
            }
            if summary.imported.is_multiple_of(LOG_EVERY) {
                eprintln!("{} of {} products imported", summary.imported, pending.len());
            }
        }
        Ok(())
    }
}

/// Imports a product; whether pieces were received. Each step may already have been done by an
/// interrupted import.
async fn import_one<H: Outbound, T: Timer>(
    shop: &Shop<H, T>,
    item: &Item,
) -> Result<(Offered, bool), Failure> {
    let offered = shop.offer(item).await?;
    // The shop may have received more since then, so the number is never reduced.
    let received = offered == Offered::Created
        || shop.received(&item.sku).await?.is_none_or(|pieces| pieces < u64::from(item.stock));
    if received {
        shop.receive(&item.sku, item.stock).await?;
    }
    Ok((offered, received))
}

impl Summary {
    fn count(&mut self, offered: Offered, received: bool) {
        self.imported += 1;
        self.created += usize::from(offered == Offered::Created);
        self.updated += usize::from(offered == Offered::Updated);
        self.received += usize::from(received);
    }
}
