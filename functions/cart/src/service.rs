//! What can be done with baskets, whoever asks and wherever they are kept.

mod expiry;
mod guests;

pub use expiry::{GUEST_CARTS_MAX, SWEEP_NOTES_MAX, Swept};
pub use guests::{MergedInto, Seen};

use chassis::money::MoneyError;
use chassis::store::{Store, StoreError};

use crate::domain::View;
use crate::domain::{Cart, Gone, LINES_MAX, Refused};
use crate::ports::{Products, Unavailable};

/// All baskets, over a store and the catalogue.
#[derive(Clone)]
pub struct Carts<S, P> {
    store: S,
    products: P,
    now_ms: fn() -> u64,
    guest_carts_max: u64,
}

/// Why nothing was done, except for [`Error::Catalog`] and [`Error::Sum`], which may come
/// after a change: the basket is changed, but can't be shown. Repeating is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The basket is at another version, or full.
    Refused(Refused),
    /// There is no such guest's basket.
    Gone,
    /// The maximum number of guest carts exists.
    GuestCartsFull {
        /// The maximum.
        max: u64,
    },
    /// The catalogue has no product with this SKU.
    UnknownSku(String),
    /// The catalogue did not answer.
    Catalog(Unavailable),
    /// The prices can't be summed.
    Sum(MoneyError),
    /// The store failed.
    Store(StoreError),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::Refused(refused)
    }
}

impl From<Gone> for Error {
    fn from(_: Gone) -> Self {
        Error::Gone
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Store(error)
    }
}

impl<S: Store, P: Products> Carts<S, P> {
    /// The baskets in `store`, with the products of the catalogue. `now_ms` tells the time in
    /// milliseconds since the epoch.
    pub fn new(store: S, products: P, now_ms: fn() -> u64) -> Self {
        Carts { store, products, now_ms, guest_carts_max: GUEST_CARTS_MAX }
    }

    /// Allows this many guest carts at once, instead of [`GUEST_CARTS_MAX`].
    #[must_use]
    pub fn with_guest_carts_max(self, guest_carts_max: u64) -> Self {
        Carts { guest_carts_max, ..self }
    }

    /// The basket of this user; empty if there is none.
    pub async fn get(&self, user_id: &str) -> Result<Cart, StoreError> {
        Ok(self.store.read(&key(user_id)).await?.unwrap_or_default())
    }

    /// The basket with names and prices.
    pub async fn view(&self, user_id: &str) -> Result<View, Error> {
        self.priced(&self.get(user_id).await?).await
    }

    /// Make it `quantity` pieces of this product, if the basket is at one of
    /// `versions` (any if none).
    pub async fn put(
        &self,
        user_id: &str,
        sku: &str,
        quantity: u32,
        versions: Option<&[u64]>,
    ) -> Result<View, Error> {
        // One question to the catalogue: about this product, and about those that will
        // most likely stand beside it.
        let mut asked: Vec<String> =
            self.get(user_id).await?.lines.into_iter().map(|line| line.sku).collect();
        if !asked.iter().any(|there| there == sku) {
            if asked.len() >= LINES_MAX {
                asked.clear();
            }
            asked.push(sku.to_owned());
        }
        let products = self.products.get_many(asked.clone()).await.map_err(Error::Catalog)?;
        if products.iter().all(|product| product.sku != sku) {
            return Err(Error::UnknownSku(sku.to_owned()));
        }
        let put = |cart: Option<Cart>| {
            let mut cart = cart.unwrap_or_default();
            cart.at(versions)?;
            cart.put(sku, quantity)?;
            Ok::<_, Error>((cart.clone(), cart))
        };
        let cart = self.store.update(&key(user_id), put).await?;
        match cart.lines.iter().all(|line| asked.contains(&line.sku)) {
            true => View::new(&cart, products).map_err(Error::Sum),
            // Somebody else was at it, too.
            false => self.priced(&cart).await,
        }
    }

    /// Take a product out. Answers the basket's version.
    pub async fn remove(
        &self,
        user_id: &str,
        sku: &str,
        versions: Option<&[u64]>,
    ) -> Result<u64, Error> {
        self.reduce(user_id, |cart| {
            cart.at(versions)?;
            cart.remove(sku);
            Ok(())
        })
        .await
    }

    /// Take everything out. Answers the basket's version.
    pub async fn clear(&self, user_id: &str, versions: Option<&[u64]>) -> Result<u64, Error> {
        self.reduce(user_id, |cart| {
            cart.at(versions)?;
            cart.clear();
            Ok(())
        })
        .await
    }

    /// Empty the basket that was ordered at `version`; one that is empty already is fine.
    pub async fn clear_at(&self, user_id: &str, version: u64) -> Result<(), Error> {
        self.reduce(user_id, |cart| cart.clear_at(version)).await.map(|_| ())
    }

    /// Empties the cart of a user who has deleted their account, permanently.
    pub async fn forget(&self, user_id: &str) -> Result<(), StoreError> {
        let close = |cart: Option<Cart>| {
            let mut cart = cart.unwrap_or_default();
            cart.close();
            Ok::<_, StoreError>((cart, ()))
        };
        self.store.update(&key(user_id), close).await
    }

    /// A change that can only make a basket smaller: where there is none, none is created.
    async fn reduce(
        &self,
        user_id: &str,
        change: impl Fn(&mut Cart) -> Result<(), Refused> + Send + Sync,
    ) -> Result<u64, Error> {
        let key = key(user_id);
        if self.store.get(&key).await?.is_none() {
            change(&mut Cart::default())?;
            return Ok(0);
        }
        let reduce = |cart: Option<Cart>| {
            let mut cart = cart.unwrap_or_default();
            change(&mut cart)?;
            let version = cart.version;
            Ok::<_, Error>((cart, version))
        };
        self.store.update(&key, reduce).await
    }

    /// Refuse unless the catalogue has all of these products.
    async fn known(&self, skus: Vec<String>) -> Result<(), Error> {
        if skus.is_empty() {
            return Ok(());
        }
        let found = self.products.get_many(skus.clone()).await.map_err(Error::Catalog)?;
        let unknown = skus.into_iter().find(|sku| found.iter().all(|it| it.sku != *sku));
        unknown.map_or(Ok(()), |sku| Err(Error::UnknownSku(sku)))
    }

    async fn priced(&self, cart: &Cart) -> Result<View, Error> {
        let skus: Vec<String> = cart.lines.iter().map(|line| line.sku.clone()).collect();
        let products = match skus.is_empty() {
            true => Vec::new(),
            false => self.products.get_many(skus).await.map_err(Error::Catalog)?,
        };
        View::new(cart, products).map_err(Error::Sum)
    }
}

fn key(user_id: &str) -> String {
    format!("cart/{user_id}")
}

#[cfg(test)]
mod tests;
