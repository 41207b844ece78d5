//! Reading the books without changing them: an audit that repairs what it finds would never find
//! anything.

use super::Inventory;
use crate::domain::{Books, Claim, LINES_MAX, Refusal, ReservationStatus, State, check_name};
use chassis::register::Stretch;
use chassis::store::Store;

/// Claims of one page after which it gets no further SKU. The claims of a SKU are always
/// complete.
pub const BOOKS_CLAIMS_MAX: usize = 1_000;

impl<S: Store> Inventory<S> {
    /// The books of up to `limit` SKUs in the order of their first receipt, after the position
    /// `after`.
    pub async fn books(&self, after: u64, limit: u32) -> Result<Stretch<Books>, Refusal> {
        let (mut at, mut entries, mut claims) = (after, Vec::new(), 0);
        loop {
            let page = self.records.skus().stretch(at, 1, |at, sku| self.book(at, sku)).await?;
            let is_empty = page.entries.is_empty();
            claims += page.entries.iter().map(|books: &Books| books.claims.len()).sum::<usize>();
            entries.extend(page.entries);
            match page.next {
                // Many positions were unused: the caller has to continue.
                Some(next)
                    if !is_empty && entries.len() < limit as usize && claims < BOOKS_CLAIMS_MAX =>
                {
                    at = next;
                }
                next => return Ok(Stretch { entries, next }),
            }
        }
    }

    async fn book(&self, position: u64, sku: String) -> Result<Option<Books>, Refusal> {
        let stock = self.records.stock(&sku).await?;
        let Some(stock) = stock.filter(|stock| stock.position() == Some(position)) else {
            return Ok(None);
        };
        let lanes = self.records.lanes(&sku, &stock).await?;
        let mut books = Books::of(sku, &stock, &lanes);
        let in_lanes = lanes.iter().flat_map(|lane| lane.holds().iter());
        for (id, hold) in stock.holds().iter().chain(in_lanes) {
            let record = self.records.reservation(id).await?;
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

    /// The status of reservations, in the requested order.
    pub async fn statuses(
        &self,
        ids: &[String],
        now_ms: u64,
    ) -> Result<Vec<ReservationStatus>, Refusal> {
        if ids.len() > LINES_MAX {
            return Err(Refusal::Invalid(format!("at most {LINES_MAX} reservations")));
        }
        let mut statuses = Vec::with_capacity(ids.len());
        for id in ids {
            check_name("reservation id", id)?;
            let record = self.records.reservation(id).await?;
            statuses.push(ReservationStatus::of(record.as_ref(), now_ms));
        }
        Ok(statuses)
    }
}
