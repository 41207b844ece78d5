//! The use cases of orders: place, read, list, cancel, update parcels, resume, erase customers,
//! sweep.
//!
//! Whoever touches an order whose saga is unfinished moves it on: the customer who looks
//! at it, the stream that shows it, the sweep. So no order waits for the one request that
//! made it.

mod advance;
mod audit;
mod cancel;
mod erasure;
mod parcels;
mod resume;
mod sweep;

pub use audit::Audited;
pub use cancel::Uncancelled;
pub use erasure::FORGET_MS;
pub use parcels::{Heard, SHIPMENT_CHANGED};
pub use resume::Unresumed;
pub use sweep::{SWEEP_MS, Swept};

use chassis::money::Money;
use chassis::store::{Store, StoreError};

use crate::domain::placed;
use crate::domain::{Address, Item, Order, Placed};
use crate::ports::{Clock, Participants, Product, Shipment, Unavailable};
use crate::records::{Loaded, Position, Records};
use advance::{Driver, LEASE_MS, Outcome};

/// How long a request that changes an order waits for the end of its saga, in milliseconds.
pub const PATIENCE_MS: u64 = 8_000;
/// How long a look at an unfinished order goes on moving it, in milliseconds.
const TOUCH_MS: u64 = 250;
/// How long a listing spends on moving unfinished orders on, in milliseconds.
const LIST_MS: u64 = 1_000;
/// The wait before looking again at an order that another driver holds, in milliseconds.
const BUSY_MS: u64 = 100;

/// What a customer asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The id that the order will have. The same id never makes a second order.
    pub id: String,
    /// Who orders.
    pub user_id: String,
    /// SKU and pieces; none orders the cart.
    pub lines: Option<Vec<(String, u32)>>,
    /// Where it goes.
    pub shipping_address: Address,
    /// A token of the payment provider.
    pub payment_method: String,
    /// The total that the customer expects, if given.
    pub expected_total: Option<Money>,
}

/// Why an order was not accepted. Nothing was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// The catalogue knows no product with the SKU of the line with this index.
    UnknownSku(usize, String),
    /// With the line of this index, one SKU has more than [`placed::QUANTITY_MAX`] pieces.
    TooMany(usize),
    /// The cart has nothing in it, or more lines than an order may have.
    CartSize(usize),
    /// Prices in several currencies, or a sum beyond any number.
    NoTotal,
    /// The total differs from the expected one.
    PriceChanged {
        /// The expected total.
        expected: Money,
        /// The current total.
        total: Money,
    },
    /// Too many orders are unfinished. Safe to repeat with the same id.
    Backlog(StoreError),
    /// A capability or the store did not answer. Safe to repeat with the same id.
    Unavailable(String),
}

impl From<StoreError> for Unplaced {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backlog { .. } => Self::Backlog(error),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<Unavailable> for Unplaced {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.0)
    }
}

/// Orders, over their ports.
#[derive(Clone)]
pub struct Orders<S, P, C> {
    records: Records<S>,
    participants: P,
    clock: C,
    /// Names this request as the holder of leases and the maker of marks.
    owner: String,
    lease_ms: u64,
    incarnation: Option<u64>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// `owner` names the holder of leases and must be unique for each request.
    pub fn new(store: S, participants: P, clock: C, owner: String) -> Self {
        let records = Records::new(store);
        Self { records, participants, clock, owner, lease_ms: LEASE_MS, incarnation: None }
    }

    /// Lets leases hold that many milliseconds instead of [`LEASE_MS`].
    #[must_use]
    pub fn with_lease_ms(self, lease_ms: u64) -> Self {
        Self { lease_ms, ..self }
    }

    /// Makes leases end with the run of the host in which they were taken.
    #[must_use]
    pub fn with_incarnation(self, incarnation: Option<u64>) -> Self {
        Self { incarnation, ..self }
    }

    /// The clock that this service goes by.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    fn driver(&self) -> Driver<'_, S, P, C> {
        Driver {
            records: &self.records,
            participants: &self.participants,
            clock: &self.clock,
            owner: &self.owner,
            lease_ms: self.lease_ms,
            incarnation: self.incarnation,
        }
    }

    /// Accepts an order and moves it on for at most [`PATIENCE_MS`]. Once the order is
    /// durable it exists, whatever happens afterwards: placing it again under the same id
    /// goes on with it.
    pub async fn place(&self, request: Request) -> Result<Loaded, Unplaced> {
        let id = request.id.clone();
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms + PATIENCE_MS;
        if self.records.load(&id).await?.is_none() {
            let placed = self.price(request).await?;
            let at_ms = self.clock.now_ms();
            let lease = self.driver().lease(at_ms);
            if let Some(created) = self.records.create(placed, at_ms, lease).await? {
                let outcome = self.driver().go_on(created, until_ms).await?;
                if let Some(outcome @ (Outcome::Settled(_) | Outcome::Parked(_))) = outcome {
                    return Ok(self.close(outcome).await?);
                }
            }
        }
        let outcome = self.resume_patiently(&id, until_ms).await?;
        outcome.ok_or(Unplaced::Unavailable("order is gone".to_owned()))
    }

    /// Finds out what exactly is ordered, and for how much.
    async fn price(&self, request: Request) -> Result<Placed, Unplaced> {
        let (lines, cart_version) = match request.lines {
            Some(lines) => (lines, None),
            None => {
                let cart = self.participants.cart(&request.user_id).await?;
                if cart.lines.is_empty() || cart.lines.len() > placed::LINES_MAX {
                    return Err(Unplaced::CartSize(cart.lines.len()));
                }
                (cart.lines, Some(cart.version))
            }
        };
        let merged = placed::merge(&lines).map_err(Unplaced::TooMany)?;
        let skus = merged.iter().map(|(sku, _)| sku.clone()).collect();
        let products = self.participants.products(skus).await?;
        let items = items(&lines, merged, &products)?;
        let total = placed::total(&items).ok_or(Unplaced::NoTotal)?;
        if let Some(expected) = request.expected_total.filter(|expected| *expected != total) {
            return Err(Unplaced::PriceChanged { expected, total });
        }
        Ok(Placed {
            id: request.id,
            user_id: request.user_id,
            items,
            total,
            shipping_address: Some(request.shipping_address),
            payment_method: request.payment_method,
            cart_version,
        })
    }

    /// Drives until the order's fate is known, waiting for other drivers too.
    async fn resume_patiently(
        &self,
        id: &str,
        until_ms: u64,
    ) -> Result<Option<Loaded>, StoreError> {
        loop {
            match self.driver().resume(id, until_ms).await? {
                Some(Outcome::Busy(_)) if self.clock.now_ms() + BUSY_MS < until_ms => {
                    self.clock.sleep(BUSY_MS).await;
                }
                Some(outcome) => return self.close(outcome).await.map(Some),
                None => return Ok(None),
            }
        }
    }

    /// Takes this request's mark away if the drive has settled the order.
    async fn close(&self, outcome: Outcome) -> Result<Loaded, StoreError> {
        let settled = matches!(outcome, Outcome::Settled(_));
        let loaded = outcome.into_loaded();
        if settled {
            self.records.unmark(&loaded.order.placed.id, &self.owner).await?;
        }
        Ok(loaded)
    }

    /// The order as it is now, moved on and with what shipping knows. None if there is no
    /// such order.
    pub async fn touch(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        let Some(loaded) = self.records.load(id).await? else { return Ok(None) };
        let loaded = self.refresh(loaded).await?;
        self.observe(loaded).await.map(Some)
    }

    /// Moves an order on that was just read. Its mark is another's and stays.
    async fn refresh(&self, loaded: Loaded) -> Result<Loaded, StoreError> {
        let now_ms = self.clock.now_ms();
        if loaded.is_settled(now_ms) {
            return Ok(loaded);
        }
        let before = loaded.clone();
        let outcome = self.driver().go_on(loaded, now_ms + TOUCH_MS).await?;
        Ok(outcome.map_or(before, Outcome::into_loaded))
    }

    /// The order as it is recorded, without moving it on.
    pub async fn recorded(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        self.records.load(id).await
    }

    /// A page of a user's orders, newest first.
    pub async fn of_user(
        &self,
        user_id: &str,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Order>, Option<Position>), StoreError> {
        let until_ms = self.clock.now_ms() + LIST_MS;
        let (found, rest) = self.records.of_user(user_id, from, limit).await?;
        let mut orders = Vec::with_capacity(found.len());
        for loaded in found {
            let fresh = match self.clock.now_ms() < until_ms {
                true => self.refresh(loaded).await?,
                false => loaded,
            };
            orders.push(fresh.order);
        }
        Ok((orders, rest))
    }

    /// The shipments of an order.
    pub async fn shipments(&self, order: &Order) -> Result<Vec<Shipment>, Unavailable> {
        self.participants.shipments(&order.placed.id).await
    }
}

/// The ordered lines with today's names and prices.
fn items(
    asked: &[(String, u32)],
    merged: Vec<(String, u32)>,
    products: &[Product],
) -> Result<Vec<Item>, Unplaced> {
    merged
        .into_iter()
        .map(|(sku, quantity)| match products.iter().find(|product| product.sku == sku) {
            Some(Product { name, price, .. }) => {
                Ok(Item { sku, name: name.clone(), quantity, price: price.clone() })
            }
            None => {
                let index = asked.iter().position(|(known, _)| *known == sku).unwrap_or_default();
                Err(Unplaced::UnknownSku(index, sku))
            }
        })
        .collect()
}
