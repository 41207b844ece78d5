//! The use cases: each is a few compare-and-swaps in an order that leaves something mendable
//! when the process dies between any two of them.

use crate::domain::{
    Availability, Begin, Hold, HoldRefused, LINES_MAX, Levels, Line, Record, Refusal, Reservation,
    State, Stock, Verdict, check_name, check_ttl, normalize,
};
use chassis::store::{Store, StoreError};

/// Expired holds that one touch of a SKU settles at most; the next touch goes on.
const SWEEP_MAX: usize = 64;
/// Noted returns that one take-back looks at for forgetting.
const FORGET_MAX: usize = 16;
/// How long a return is noted, in milliseconds: longer than any call lives.
const RETURN_NOTED_MS: u64 = 60 * 60 * 1_000;

/// Inventory over a store.
#[derive(Clone, Debug)]
pub struct Inventory<S> {
    store: S,
}

impl<S: Store> Inventory<S> {
    /// Inventory in this store.
    pub fn new(store: S) -> Inventory<S> {
        Inventory { store }
    }

    /// Reserve all lines or none, until `now_ms + ttl_ms`.
    pub async fn reserve(
        &self,
        id: &str,
        lines: &[Line],
        ttl_ms: u64,
        now_ms: u64,
    ) -> Result<Reservation, Refusal> {
        check_name("reservation id", id)?;
        check_ttl(ttl_ms)?;
        let lines = normalize(lines)?;
        let begin = |record| Record::begin(record, id, &lines, ttl_ms, now_ms);
        let record = match self.store.update(&record_key(id), begin).await? {
            Begin::Known(record) => record,
            Begin::Attempt(record) => self.attempt(id, record, now_ms).await?,
        };
        if record.is_void() {
            self.free_all(id, &record).await?;
        }
        record.standing(id, now_ms)
    }

    /// Sell a reservation.
    pub async fn commit(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let commit = |record: Option<Record>| -> Result<_, Refusal> {
            let record = record.ok_or_else(|| unknown(id))?.commit(id, now_ms)?;
            Ok((record.clone(), record))
        };
        let record = self.store.update(&record_key(id), commit).await?;
        for line in &record.lines {
            self.change(&line.sku, |stock| stock.sell(id, record.attempt)).await?;
        }
        Ok(())
    }

    /// Give a reservation back, and bar its id.
    pub async fn release(&self, id: &str) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let release = |record| Record::release(record, id).map(|record| (record.clone(), record));
        let record = self.store.update(&record_key(id), release).await?;
        self.free_unless_returned(id, &record).await
    }

    /// Undo a reservation, sold or not.
    pub async fn take_back(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let begin = |record| Record::begin_return(record, id).map(|now| (now.clone(), now));
        let record = self.store.update(&record_key(id), begin).await?;
        if record.state != State::Returning {
            return self.free_unless_returned(id, &record).await;
        }
        for Line { sku, quantity } in &record.lines {
            let (attempt, quantity) = (record.attempt, *quantity);
            self.change(sku, |stock| stock.take_back(id, attempt, quantity, now_ms)).await?;
        }
        let finish = |record: Option<Record>| -> Result<_, Refusal> {
            Ok((record.ok_or_else(|| unknown(id))?.finish_return(), ()))
        };
        self.store.update(&record_key(id), finish).await?;
        for line in &record.lines {
            self.forget_returns(&line.sku, now_ms).await?;
        }
        Ok(())
    }

    /// What can be reserved of these SKUs, in the order asked.
    pub async fn available(
        &self,
        skus: &[String],
        now_ms: u64,
    ) -> Result<Vec<Availability>, Refusal> {
        if skus.len() > LINES_MAX {
            return Err(Refusal::Invalid(format!("at most {LINES_MAX} SKUs")));
        }
        let mut answer = Vec::with_capacity(skus.len());
        for sku in skus {
            check_name("SKU", sku)?;
            let levels = self.levels(sku, now_ms).await?;
            let available = levels.map_or(0, |levels| levels.on_hand);
            answer.push(Availability { sku: sku.clone(), available });
        }
        Ok(answer)
    }

    /// The figures of a SKU; `None` if it was never received.
    pub async fn levels(&self, sku: &str, now_ms: u64) -> Result<Option<Levels>, Refusal> {
        check_name("SKU", sku)?;
        Ok(self.swept(sku, now_ms).await?.map(|stock| stock.levels()))
    }

    /// Set how many pieces of a SKU were ever received.
    pub async fn receive(&self, sku: &str, received: u32, now_ms: u64) -> Result<Levels, Refusal> {
        check_name("SKU", sku)?;
        self.swept(sku, now_ms).await?;
        let receive = |stock: Option<Stock>| -> Result<_, Refusal> {
            let mut stock = stock.unwrap_or_default();
            stock.receive(received).map_err(|least| {
                Refusal::Conflict(format!("{least} pieces of {sku} are reserved or sold"))
            })?;
            let levels = stock.levels();
            Ok((stock, levels))
        };
        self.store.update(&stock_key(sku), receive).await
    }
}

/// The steps.
impl<S: Store> Inventory<S> {
    /// Make the holds of an attempt and say so in the record, as far as it has not moved on.
    async fn attempt(&self, id: &str, record: Record, now_ms: u64) -> Result<Record, Refusal> {
        let short = self.hold_all(id, &record, now_ms).await?;
        let conclude = |current: Option<Record>| -> Result<_, Refusal> {
            let current = current.ok_or_else(|| unknown(id))?;
            let current = current.conclude(record.attempt, &short);
            Ok((current.clone(), current))
        };
        self.store.update(&record_key(id), conclude).await
    }

    /// Make the holds of an attempt; the SKUs that fall short.
    async fn hold_all(
        &self,
        id: &str,
        record: &Record,
        now_ms: u64,
    ) -> Result<Vec<Availability>, Refusal> {
        let mut short = Vec::new();
        for line in &record.lines {
            let hold = Hold {
                quantity: line.quantity,
                attempt: record.attempt,
                expires_at_ms: record.expires_at_ms,
            };
            match self.hold(id, &line.sku, hold, now_ms).await? {
                Ok(()) => {}
                // Whoever overtook this attempt concludes it.
                Err(HoldRefused::Overtaken) => break,
                Err(HoldRefused::TooMany) => {
                    let sku = &line.sku;
                    return Err(Refusal::Unavailable(format!("too many reservations of {sku}")));
                }
                Err(HoldRefused::Short(available)) => {
                    short.push(Availability { sku: line.sku.clone(), available });
                }
            }
        }
        Ok(short)
    }

    async fn hold(
        &self,
        id: &str,
        sku: &str,
        hold: Hold,
        now_ms: u64,
    ) -> Result<Result<(), HoldRefused>, Refusal> {
        if self.swept(sku, now_ms).await?.is_none() {
            return Ok(Err(HoldRefused::Short(0)));
        }
        let place = |stock: Option<Stock>| -> Result<_, Refusal> {
            let mut stock = stock.unwrap_or_default();
            let result = stock.hold(id, hold.clone());
            Ok((stock, result))
        };
        self.store.update(&stock_key(sku), place).await
    }

    async fn free_unless_returned(&self, id: &str, record: &Record) -> Result<(), Refusal> {
        if record.state == State::Returned { Ok(()) } else { self.free_all(id, record).await }
    }

    async fn free_all(&self, id: &str, record: &Record) -> Result<(), Refusal> {
        for line in &record.lines {
            self.change(&line.sku, |stock| stock.free(id, record.attempt)).await?;
        }
        Ok(())
    }

    /// The stock after settling the holds whose time has come; `None` if there is none.
    async fn swept(&self, sku: &str, now_ms: u64) -> Result<Option<Stock>, Refusal> {
        let Some(stock) = self.store.read::<Stock>(&stock_key(sku)).await? else {
            return Ok(None);
        };
        let expired = stock.expired(now_ms, SWEEP_MAX);
        if expired.is_empty() {
            return Ok(Some(stock));
        }
        let mut verdicts = Vec::with_capacity(expired.len());
        for (id, hold) in expired {
            let verdict = self.judge(&id, hold.attempt, now_ms).await?;
            verdicts.push((id, hold, verdict));
        }
        let settle = |stock: &mut Stock| {
            for (id, hold, verdict) in &verdicts {
                match verdict {
                    Verdict::Free => stock.free(id, hold.attempt),
                    Verdict::Sell => stock.sell(id, hold.attempt),
                    Verdict::TakeBack => {
                        stock.take_back(id, hold.attempt, hold.quantity, now_ms);
                    }
                    Verdict::Keep => {}
                }
            }
        };
        self.change(sku, settle).await.map(Some)
    }

    /// Decide in the record, before anything happens to the hold.
    async fn judge(&self, id: &str, attempt: u32, now_ms: u64) -> Result<Verdict, Refusal> {
        let judge = |record: Option<Record>| -> Result<_, Refusal> {
            Ok(record.ok_or_else(|| unknown(id))?.judge(attempt, now_ms))
        };
        match self.store.update(&record_key(id), judge).await {
            // Records are written before holds, so this hold is of no reservation.
            Err(Refusal::NotFound(_)) => Ok(Verdict::Free),
            other => other,
        }
    }

    /// Forget returns that are over and so old that nobody can still be at them.
    async fn forget_returns(&self, sku: &str, now_ms: u64) -> Result<(), Refusal> {
        let Some(stock) = self.store.read::<Stock>(&stock_key(sku)).await? else { return Ok(()) };
        let mut over = Vec::new();
        for id in stock.returns_before(now_ms.saturating_sub(RETURN_NOTED_MS), FORGET_MAX) {
            let record = self.store.read::<Record>(&record_key(&id)).await?;
            if record.is_some_and(|record| record.state == State::Returned) {
                over.push(id);
            }
        }
        if over.is_empty() {
            return Ok(());
        }
        let forget = |stock: &mut Stock| over.iter().for_each(|id| stock.forget_return(id));
        self.change(sku, forget).await.map(drop)
    }

    /// Change a SKU that there is; one that was never received stays so.
    async fn change(
        &self,
        sku: &str,
        mut change: impl FnMut(&mut Stock) + Send,
    ) -> Result<Stock, Refusal> {
        let change = |stock: Option<Stock>| {
            let mut stock = stock.ok_or_else(|| Refusal::NotFound(sku.to_owned()))?;
            change(&mut stock);
            Ok((stock.clone(), stock))
        };
        match self.store.update(&stock_key(sku), change).await {
            Err(Refusal::NotFound(_)) => Ok(Stock::default()),
            other => other,
        }
    }
}

fn record_key(id: &str) -> String {
    format!("reservation/{id}")
}

fn stock_key(sku: &str) -> String {
    format!("stock/{sku}")
}

fn unknown(id: &str) -> Refusal {
    Refusal::NotFound(format!("no reservation {id}"))
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
