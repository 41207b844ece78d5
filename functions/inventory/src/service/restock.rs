//! Partial returns of a sale.

use super::{Inventory, record_key, unknown};
use crate::domain::{Line, Record, Refusal, check_name, normalize};
use chassis::store::Store;

impl<S: Store> Inventory<S> {
    /// Puts a part of a sold reservation back into stock, once for each name of a return.
    pub async fn restock(
        &self,
        id: &str,
        name: &str,
        lines: &[Line],
        now_ms: u64,
    ) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        check_name("return id", name)?;
        let lines = normalize(lines)?;
        let begin = |record: Option<Record>| -> Result<_, Refusal> {
            let record = record.ok_or_else(|| unknown(id))?.begin_restock(id, name, &lines)?;
            Ok((record.clone(), record))
        };
        let record = self.store.update(&record_key(id), begin).await?;
        if record.returns.get(name).is_some_and(|known| known.done) {
            return Ok(());
        }
        for Line { sku, quantity } in &lines {
            // The sale is decided in the record, but may not be booked yet.
            self.sell(sku, id, record.attempt).await?;
            let part = format!("{id}/{name}");
            self.give_back(sku, now_ms, |stock| stock.restock(&part, *quantity, now_ms)).await?;
        }
        let finish = |record: Option<Record>| -> Result<_, Refusal> {
            Ok((record.ok_or_else(|| unknown(id))?.finish_restock(name), ()))
        };
        self.store.update(&record_key(id), finish).await?;
        for line in &lines {
            self.forget_returns(&line.sku, now_ms).await?;
        }
        Ok(())
    }
}
