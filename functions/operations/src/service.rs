//! Reading all books in the order that makes them comparable.
//!
//! Orders are read first and last: if an order is the same both times, its other books were read
//! while it did not change. The log is read after its publishers, so that it contains at least what
//! they have published; the read model comes after the log. The ledger comes before the payments,
//! because reading it also imports new lines of the provider's statement.
//!
//! All books are read to their end, page by page. Only one part ([`Partition`]), which fits into
//! memory, is kept; the caller requests the other parts one by one.

use crate::domain::{Books, Draft, Partition, Question, Violation, check};
use crate::ports::{EventLog, LogError, Part, Reading, Sources, Unreadable};
use std::future::Future;

/// The maximum number of entries of all books together that are kept for one check.
pub const KEPT_MAX: usize = 60_000;
/// The size of requested pages, in entries.
const PAGE: u32 = 100;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The violations.
    pub violations: Vec<Violation>,
    /// The number of compared entries of each book.
    pub checked: Vec<(&'static str, u64)>,
    /// The part to check after this one; `None` at the end.
    pub next: Option<Partition>,
}

/// Reconciliation, over its ports.
#[derive(Clone, Debug)]
pub struct Reconciliation<S, L> {
    sources: S,
    log: L,
    kept_max: usize,
}

impl<S: Sources, L: EventLog> Reconciliation<S, L> {
    /// A reconciliation of the books of `sources` and `log`.
    pub fn new(sources: S, log: L) -> Reconciliation<S, L> {
        Reconciliation { sources, log, kept_max: KEPT_MAX }
    }

    /// Keeps at most this many entries for one check instead of [`KEPT_MAX`].
    #[must_use]
    pub fn with_kept_max(self, kept_max: usize) -> Self {
        Reconciliation { kept_max, ..self }
    }

    /// Reads all books and checks this part of them, or a smaller one if it is too large.
    pub async fn run(&self, part: Partition, question: &Question) -> Reading<Finding> {
        let draft = self.read(part).await?;
        let next = draft.part.next();
        let books = draft.into_books();
        Ok(Finding { violations: check(&books, question), checked: counts(&books), next })
    }

    async fn read(&self, part: Partition) -> Reading<Draft> {
        let (draft, sources) = (&mut Draft::of(part, self.kept_max), &self.sources);
        all(draft, |after| sources.orders(after, PAGE), Draft::order_before).await?;
        all(draft, |after| sources.shipping(after, PAGE), Draft::shipping).await?;
        all(draft, |after| sources.ledger(after), Draft::posting).await?;
        all(draft, |after| sources.payments(after, PAGE), Draft::payment).await?;
        all(draft, |after| sources.statement(after), Draft::statement_line).await?;
        all(draft, |after| sources.skus(after, PAGE), Draft::sku).await?;
        all(draft, |after| sources.messages(after, PAGE), Draft::message).await?;
        for ids in draft.reservation_ids().chunks(PAGE as usize) {
            let standings = sources.reservations(ids.to_vec()).await?;
            let pairs = ids.iter().cloned().zip(standings);
            pairs.for_each(|pair| draft.reservation(pair));
        }
        self.read_log(draft).await?;
        all(draft, |after| sources.projection(after, PAGE), Draft::projected).await?;
        all(draft, |after| sources.orders(after, PAGE), Draft::order).await?;
        Ok(std::mem::take(draft))
    }

    async fn read_log(&self, draft: &mut Draft) -> Reading<()> {
        let mut after = 0;
        loop {
            let events = self.log.read(after, PAGE).await.map_err(unreadable)?;
            let Some(last) = events.last().map(|last| last.position) else { break };
            if last <= after {
                return Err(endless("the event log"));
            }
            after = last;
            events.iter().for_each(|event| draft.event(event));
            draft.narrow();
        }
        draft.subscriptions(self.log.subscriptions().await.map_err(unreadable)?);
        let mut after = None;
        loop {
            let letters = self.log.dead_letters(after.clone(), PAGE).await.map_err(unreadable)?;
            let last = letters.last().map(|last| last.id.clone());
            letters.into_iter().for_each(|letter| draft.dead_letter(letter));
            draft.narrow();
            if last.is_none() {
                return Ok(());
            }
            if last == after {
                return Err(endless("the event log"));
            }
            after = last;
        }
    }
}

/// Reads a whole book, page by page.
async fn all<T, F>(
    draft: &mut Draft,
    read: impl Fn(Option<String>) -> F,
    take: impl Fn(&mut Draft, T),
) -> Reading<()>
where
    F: Future<Output = Reading<Part<T>>>,
{
    let mut after = None;
    loop {
        let part = read(after.clone()).await?;
        part.entries.into_iter().for_each(|entry| take(draft, entry));
        draft.narrow();
        if part.next.is_none() {
            return Ok(());
        }
        if part.next == after {
            return Err(endless("a function"));
        }
        after = part.next;
    }
}

fn endless(book: &'static str) -> Unreadable {
    Unreadable { book, reason: "its pages form a cycle".to_owned() }
}

fn unreadable(error: LogError) -> Unreadable {
    Unreadable { book: "the event log", reason: format!("{error:?}") }
}

fn counts(books: &Books) -> Vec<(&'static str, u64)> {
    vec![
        ("orders", books.orders.len() as u64),
        ("payments", books.payments.len() as u64),
        ("ledger_accounts", books.ledger.len() as u64),
        ("provider_charges", books.statement.len() as u64),
        ("skus", books.skus.len() as u64),
        ("shipments", books.shipping.iter().map(|entry| entry.shipments.len() as u64).sum()),
        ("messages", books.messages.len() as u64),
        ("projected_orders", books.projection.len() as u64),
        ("events", books.log.events),
        ("subscriptions", books.subscriptions.len() as u64),
        ("dead_letters", books.dead_letters.len() as u64),
    ]
}

#[cfg(test)]
pub(crate) mod tests;
