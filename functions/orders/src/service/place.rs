//! Placing an order.

use chassis::clock::Timer;
use chassis::money::Money;
use chassis::store::{Store, StoreError};

use super::{Orders, WAIT_MS};
use crate::domain::{Address, Item, Placed, placed};
use crate::ports::{Participants, Product, Unavailable};
use crate::records::Loaded;

/// An order to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// SKUs and quantities; `None` orders the cart.
    pub lines: Option<Vec<(String, u32)>>,
    /// Where it is shipped to.
    pub shipping_address: Address,
    /// A token of the payment provider.
    pub payment_method: String,
    /// The total that the customer expects, if given.
    pub expected_total: Option<Money>,
}

/// Why an order was not placed. Nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// The catalog has no product with the SKU of the line with this index.
    UnknownSku(usize, String),
    /// With the line of this index, the quantity of its SKU exceeds [`placed::QUANTITY_MAX`].
    TooMany(usize),
    /// The cart has this number of lines: none, or more than an order may have.
    CartSize(usize),
    /// The prices have different currencies, or the total is too large.
    NoTotal,
    /// The total differs from the expected one.
    PriceChanged {
        /// The expected total.
        expected: Money,
        /// The current total.
        total: Money,
    },
    /// The store failed, or too many orders are unfinished. Safe to repeat with the same id.
    Store(StoreError),
    /// A participant is unavailable. Safe to repeat with the same id.
    Unavailable(Unavailable),
}

impl From<StoreError> for PlaceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Unavailable> for PlaceError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// Places an order of a user under this id and continues it for at most [`WAIT_MS`]. Once the
    /// order is durable, it exists regardless of later failures: placing it again under the same id
    /// continues it.
    pub async fn place(
        &self,
        id: &str,
        user_id: &str,
        new: NewOrder,
    ) -> Result<Loaded, PlaceError> {
        let until_ms = self.clock.now_ms() + WAIT_MS;
        let mut found = self.records.load(id).await?;
        if found.is_none() {
            let placed = self.price(id, user_id, new).await?;
            let now_ms = self.clock.now_ms();
            found = self.records.create(placed, now_ms, self.lease(now_ms)).await?;
        }
        let mut loaded = match found {
            Some(loaded) => loaded,
            // Another request with the same id has just created it.
            None => {
                let found = self.records.load(id).await?;
                found.ok_or_else(|| StoreError::Contended(id.to_owned()))?
            }
        };
        self.advance_patiently(&mut loaded, until_ms).await?;
        Ok(loaded)
    }

    /// Determines the ordered items and their prices.
    async fn price(&self, id: &str, user_id: &str, new: NewOrder) -> Result<Placed, PlaceError> {
        let (lines, cart_version) = match new.lines {
            Some(lines) => (lines, None),
            None => {
                let cart = self.participants.cart(user_id).await?;
                if cart.lines.is_empty() || cart.lines.len() > placed::LINES_MAX {
                    return Err(PlaceError::CartSize(cart.lines.len()));
                }
                (cart.lines, Some(cart.version))
            }
        };
        let merged = placed::merge(&lines).map_err(PlaceError::TooMany)?;
        let skus = merged.iter().map(|(sku, _)| sku.clone()).collect();
        let products = self.participants.products(skus).await?;
        let items = items(&lines, merged, &products)?;
        let total = placed::total(&items).ok_or(PlaceError::NoTotal)?;
        if let Some(expected) = new.expected_total.filter(|expected| *expected != total) {
            return Err(PlaceError::PriceChanged { expected, total });
        }
        Ok(Placed {
            id: id.to_owned(),
            user_id: user_id.to_owned(),
            items,
            total,
            shipping_address: Some(new.shipping_address),
            payment_method: new.payment_method,
            cart_version,
        })
    }
}

/// The ordered items with current names and prices.
fn items(
    lines: &[(String, u32)],
    merged: Vec<(String, u32)>,
    products: &[Product],
) -> Result<Vec<Item>, PlaceError> {
    merged
        .into_iter()
        .map(|(sku, quantity)| match products.iter().find(|product| product.sku == sku) {
            Some(Product { name, price, .. }) => {
                Ok(Item { sku, name: name.clone(), quantity, price: price.clone() })
            }
            None => {
                let index = lines.iter().position(|(known, _)| *known == sku).unwrap_or_default();
                Err(PlaceError::UnknownSku(index, sku))
            }
        })
        .collect()
}
