//! Reading the books without changing them: an audit that repairs what it finds would never find
//! anything.

use super::{Inventory, record_key, stock_key};
use crate::domain::{Books, Claim, LINES_MAX, Record, Refusal, Standing, State, Stock, check_name};
use chassis::register::Stretch;
use chassis::store::Store;

/// Claims of one page after which it takes in no further SKU. A SKU's own claims are never
/// cut.
pub const BOOKS_CLAIMS_MAX: usize = 1_000;

impl<S: Store> Inventory<S> {
    /// The books of up to `limit` SKUs in the order of their first receipt, those after the
    /// place `after`.
    pub async fn books(&self, after: u64, limit: u32) -> Result<Stretch<Books>, Refusal> {
        let (mut at, mut entries, mut claims) = (after, Vec::new(), 0);
        loop {
            let page = self.register().stretch(at, 1, |place, sku| self.book(place, sku)).await?;
            let dead = page.entries.is_empty();
            claims += page.entries.iter().map(|books: &Books| books.claims.len()).sum::<usize>();
            entries.extend(page.entries);
            match page.next {
                // None of many places was in use: let the caller ask on.
                Some(next)
                    if !dead && entries.len() < limit as usize && claims < BOOKS_CLAIMS_MAX =>
                {
                    at = next;
                }
                next => return Ok(Stretch { entries, next }),
            }
        }
    }

    async fn book(&self, place: u64, sku: String) -> Result<Option<Books>, Refusal> {
        let stock: Option<Stock> = self.store.read(&stock_key(&sku)).await?;
        let Some(stock) = stock.filter(|stock| stock.place() == Some(place)) else {
            return Ok(None);
        };
        let mut lanes = Vec::with_capacity(stock.lanes().len());
        for number in 1..=stock.lanes().len() {
            lanes.push(self.lane(&sku, number).await?);
        }
        let mut books = Books::of(sku, &stock, &lanes);
        let in_lanes = lanes.iter().flat_map(|lane| lane.holds());
        for (id, hold) in stock.holds().iter().chain(in_lanes) {
            let record: Option<Record> = self.store.read(&record_key(id)).await?;
            let sold = record.is_some_and(|record| {
                record.state == State::Committed && record.attempt == hold.attempt
            });
            books.claims.push(Claim {
                reservation_id: id.clone(),
                quantity: hold.quantity,
                expires_at_ms: (!sold).then_some(hold.expires_at_ms),
            });
        }
        Ok(Some(books))
    }

    /// How reservations stand, in the order asked.
    pub async fn standings(&self, ids: &[String], now_ms: u64) -> Result<Vec<Standing>, Refusal> {
        if ids.len() > LINES_MAX {
            return Err(Refusal::Invalid(format!("at most {LINES_MAX} reservations")));
        }
        let mut standings = Vec::with_capacity(ids.len());
        for id in ids {
            check_name("reservation id", id)?;
            let record: Option<Record> = self.store.read(&record_key(id)).await?;
            standings.push(Standing::of(record.as_ref(), now_ms));
        }
        Ok(standings)
    }
}
