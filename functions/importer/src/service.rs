//! Bringing the data file into the shop, once.

use chassis::http::Outbound;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use serde::Serialize;

use crate::client::{Admin, Failure, Offered, Shop};
use crate::domain::{Data, Item, Progress};
use crate::ports::Pause;

/// Products imported at the same time.
pub const PARALLEL: usize = 8;
/// A log line after so many products.
const LOG_EVERY: usize = 64;
const PROGRESS: &str = "progress";

/// An admin's e-mail address and password.
#[derive(Clone)]
pub struct Credentials {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: String,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// SHA-256 of the data file.
    pub file: String,
    /// Products in the file.
    pub products: usize,
    /// Products of the file that were looked at; the others were known to be in the shop.
    pub imported: usize,
    /// Of those: new to the catalogue.
    pub created: usize,
    /// Of those: changed in the catalogue.
    pub updated: usize,
    /// Of those: pieces were received.
    pub received: usize,
}

/// Why an import stopped. Everything up to there is in the shop and remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The shop refused a call, or did not answer.
    Shop(Failure),
    /// The importer's own store failed.
    Store(StoreError),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::Shop(failure)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Store(error)
    }
}

/// The import, over a store and the shop's API.
#[derive(Clone)]
pub struct Importer<S, H, P> {
    store: S,
    shop: Shop<H, P>,
    credentials: Credentials,
}

impl<S: Store, H: Outbound, P: Pause> Importer<S, H, P> {
    /// An importer that remembers in `store` and acts on `shop` as this admin.
    pub fn new(store: S, shop: Shop<H, P>, credentials: Credentials) -> Self {
        Importer { store, shop, credentials }
    }

    /// Bring the shop to where it has all products of `data`. Goes on where an earlier
    /// import of the same file was cut off; does nothing if one came to its end.
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
            let admin = Admin::sign_in(self.shop.clone(), email, password).await?;
            eprintln!("importing {} of {} products", pending.len(), data.items.len());
            self.import_all(&admin, &pending, &mut progress, &mut summary).await?;
        }
        progress.complete(data);
        self.store.write(PROGRESS, &progress).await?;
        eprintln!("all {} products are in the shop", data.items.len());
        Ok(summary)
    }

    async fn import_all(
        &self,
        admin: &Admin<H, P>,
        pending: &[&Item],
        progress: &mut Progress,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        for batch in pending.chunks(PARALLEL) {
            let results = join_all(batch.iter().map(|item| import_one(admin, item))).await;
            let mut failed = None;
            for (item, result) in batch.iter().zip(results) {
                match result {
                    Ok(done) => {
                        progress.note(item);
                        summary.count(done);
                    }
                    Err(failure) => failed = Some(failure),
                }
            }
            // What got through is remembered also when a neighbor did not.
            self.store.write(PROGRESS, &*progress).await?;
            if let Some(failure) = failed {
                return Err(failure.into());
            }
            if summary.imported.is_multiple_of(LOG_EVERY) {
                eprintln!("{} of {} products imported", summary.imported, pending.len());
            }
        }
        Ok(())
    }
}

struct Done {
    offered: Offered,
    received: bool,
}

/// Both steps may have been taken before by an import that was cut off.
async fn import_one<H: Outbound, P: Pause>(
    admin: &Admin<H, P>,
    item: &Item,
) -> Result<Done, Failure> {
    let offered = admin.offer(item).await?;
    // The shop may have received more since, so the count is raised but never lowered.
    let received = offered == Offered::Created
        || admin.received(&item.sku).await?.is_none_or(|pieces| pieces < u64::from(item.stock));
    if received {
        admin.receive(&item.sku, item.stock).await?;
    }
    Ok(Done { offered, received })
}

impl Summary {
    fn count(&mut self, done: Done) {
        self.imported += 1;
        self.created += usize::from(done.offered == Offered::Created);
        self.updated += usize::from(done.offered == Offered::Updated);
        self.received += usize::from(done.received);
    }
}
