//! The use cases of carts.

mod expiry;
mod guests;

pub use expiry::{GUEST_CARTS_MAX, SWEEP_NOTES_MAX, Swept};
pub use guests::MergedCart;

use chassis::Clock;
use chassis::http::IfMatch;
use chassis::money::MoneyError;
use chassis::store::{Store, StoreError};

use crate::domain::{Cart, LINES_MAX, PricedCart, Product, Refused};
use crate::ports::{Products, Unavailable};

/// All carts, over a store and the catalog.
#[derive(Clone)]
pub struct Carts<S, P, C> {
    store: S,
    products: P,
    clock: C,
    guest_carts_max: u64,
}

/// Identifies a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CartId {
    /// The cart of this user.
    User(String),
    /// The guest cart with this id.
    Guest(String),
}

/// A cart as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCart {
    /// The cart with names and prices.
    pub cart: PricedCart,
    /// When a guest cart expires, unless it is changed before; in milliseconds since the epoch.
    pub expires_at_ms: Option<u64>,
}

/// Why an operation failed. [`Error::Catalog`] and [`Error::Sum`] are possible after a change: the
/// cart was changed, but can't be shown. Retrying is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The change was refused.
    Refused(Refused),
    /// The maximum number of guest carts exists.
    GuestCartsFull {
        /// The maximum.
        max: u64,
    },
    /// The catalog has no product with this SKU.
    UnknownSku(String),
    /// The catalog did not respond.
    Catalog(Unavailable),
    /// The prices can't be added.
    Sum(MoneyError),
    /// The store failed.
    Store(StoreError),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::Refused(refused)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Store(error)
    }
}

/// A cart as it is stored.
struct Stored {
    cart: Cart,
    expires_at_ms: Option<u64>,
}

impl<S: Store, P: Products, C: Clock> Carts<S, P, C> {
    /// The carts in `store`, with the products of the catalog.
    pub fn new(store: S, products: P, clock: C) -> Self {
        Carts { store, products, clock, guest_carts_max: GUEST_CARTS_MAX }
    }

    /// Sets the maximum number of guest carts, instead of [`GUEST_CARTS_MAX`].
    #[must_use]
    pub fn with_guest_carts_max(self, guest_carts_max: u64) -> Self {
        Carts { guest_carts_max, ..self }
    }

    /// The cart of this user; empty if there is none.
    pub async fn get(&self, user_id: &str) -> Result<Cart, StoreError> {
        Ok(self.store.read(&key(user_id)).await?.unwrap_or_default())
    }

    /// The cart with names and prices.
    pub async fn view(&self, id: &CartId) -> Result<ShownCart, Error> {
        let stored = self.load(id).await?;
        self.shown(&stored).await
    }

    /// Adds a product or sets its quantity, if the cart has an expected version.
    pub async fn put(
        &self,
        id: &CartId,
        sku: &str,
        quantity: u32,
        expected: &IfMatch,
    ) -> Result<ShownCart, Error> {
        // One call to the catalog, for this product and those that are probably next to it.
        let mut skus = self.load(id).await?.cart.skus();
        if !skus.iter().any(|known| known == sku) {
            if skus.len() >= LINES_MAX {
                skus.clear();
            }
            skus.push(sku.to_owned());
        }
        let products = self.known(skus.clone(), &[sku]).await?;
        let put = |cart: &mut Cart| {
            cart.check(expected)?;
            cart.put(sku, quantity)
        };
        let Stored { cart, expires_at_ms } = self.change(id, put).await?;
        if !cart.lines.iter().all(|line| skus.contains(&line.sku)) {
            // A concurrent request has added a product.
            return self.shown(&Stored { cart, expires_at_ms }).await;
        }
        let cart = PricedCart::new(&cart, products).map_err(Error::Sum)?;
        Ok(ShownCart { cart, expires_at_ms })
    }

    /// Removes a product, if the cart has an expected version. Returns the version.
    pub async fn remove(&self, id: &CartId, sku: &str, expected: &IfMatch) -> Result<u64, Error> {
        self.reduce(id, |cart| {
            cart.check(expected)?;
            cart.remove(sku);
            Ok(())
        })
        .await
    }

    /// Empties a user's cart, if it has an expected version. Returns the version.
    pub async fn clear(&self, user_id: &str, expected: &IfMatch) -> Result<u64, Error> {
        self.reduce(&CartId::User(user_id.to_owned()), |cart| {
            cart.check(expected)?;
            cart.clear();
            Ok(())
        })
        .await
    }

    /// Empties the cart that was ordered at `version`; an empty cart is fine.
    pub async fn clear_at(&self, user_id: &str, version: u64) -> Result<(), Error> {
        let id = CartId::User(user_id.to_owned());
        self.reduce(&id, |cart| cart.clear_at(version)).await.map(drop)
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

    /// A change that only removes products. It does not create a cart.
    async fn reduce(
        &self,
        id: &CartId,
        change: impl Fn(&mut Cart) -> Result<(), Refused> + Send + Sync,
    ) -> Result<u64, Error> {
        if let CartId::User(user_id) = id
            && self.store.get(&key(user_id)).await?.is_none()
        {
            change(&mut Cart::default())?;
            return Ok(0);
        }
        Ok(self.change(id, change).await?.cart.version)
    }

    async fn load(&self, id: &CartId) -> Result<Stored, Error> {
        match id {
            CartId::User(id) => Ok(Stored { cart: self.get(id).await?, expires_at_ms: None }),
            CartId::Guest(id) => self.guest(id).await,
        }
    }

    async fn change(
        &self,
        id: &CartId,
        change: impl Fn(&mut Cart) -> Result<(), Refused> + Send + Sync,
    ) -> Result<Stored, Error> {
        match id {
            CartId::User(user_id) => {
                let change = |cart: Option<Cart>| {
                    let mut cart = cart.unwrap_or_default();
                    change(&mut cart)?;
                    Ok::<_, Error>((cart.clone(), Stored { cart, expires_at_ms: None }))
                };
                self.store.update(&key(user_id), change).await
            }
            CartId::Guest(id) => self.change_guest(id, change).await,
        }
    }

    /// The products with these SKUs. Fails unless the catalog has those in `required`.
    async fn known(&self, skus: Vec<String>, required: &[&str]) -> Result<Vec<Product>, Error> {
        if skus.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.products.get_many(skus).await.map_err(Error::Catalog)?;
        let unknown = required.iter().find(|sku| found.iter().all(|it| it.sku != **sku));
        unknown.map_or(Ok(found), |sku| Err(Error::UnknownSku((*sku).to_owned())))
    }

    async fn shown(&self, stored: &Stored) -> Result<ShownCart, Error> {
        let products = self.known(stored.cart.skus(), &[]).await?;
        let cart = PricedCart::new(&stored.cart, products).map_err(Error::Sum)?;
        Ok(ShownCart { cart, expires_at_ms: stored.expires_at_ms })
    }
}

fn key(user_id: &str) -> String {
    format!("cart/{user_id}")
}

#[cfg(test)]
mod tests;
