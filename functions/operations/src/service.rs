//! Reading all books in the one order that lets them be compared.
//!
//! Orders come first and last: whatever belongs to an order that is the same both times was
//! read while the order stood still. The log comes after those who publish, so that it has at
//! least what they say they published; the read model comes after the log.

use crate::domain::{Book, Books, Order, Question, Streams, Violation, check};
use crate::ports::{EventLog, LogError, Part, Reading, Sources, Unreadable};
use std::future::Future;

/// Entries that are read of one book at most; what is beyond is reported as `truncated`.
pub const BOOK_ENTRIES_MAX: usize = 50_000;
/// Events that are read of the log at most.
pub const EVENTS_MAX: u64 = 500_000;
/// Entries asked for at once.
const PAGE: u32 = 100;
/// Events asked for at once: an event may be long.
const EVENTS_PAGE: u32 = 100;

/// What a check found, and over how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong; empty if nothing is.
    pub violations: Vec<Violation>,
    /// How many entries each book had.
    pub checked: Vec<(&'static str, u64)>,
}

/// Reconciliation, over its ports.
#[derive(Clone, Debug)]
pub struct Reconciliation<S, L> {
    sources: S,
    log: L,
}

impl<S: Sources, L: EventLog> Reconciliation<S, L> {
    /// Reads its books from there.
    pub fn new(sources: S, log: L) -> Reconciliation<S, L> {
        Reconciliation { sources, log }
    }

    /// Reads all books and says what is wrong with them.
    pub async fn run(&self, question: &Question) -> Reading<Finding> {
        let books = self.read().await?;
        Ok(Finding { violations: check(&books, question), checked: counts(&books) })
    }

    async fn read(&self) -> Reading<Books> {
        let mut books = Books { orders_before: self.orders().await?.0, ..Books::default() };
        let sources = &self.sources;
        let (shipping, cut) = all(|after| sources.shipping(after, PAGE)).await?;
        books.note(Book::Shipping, cut);
        let (payments, cut) = all(|after| sources.payments(after, PAGE)).await?;
        books.note(Book::Payments, cut);
        let (sums, cut) = all(|after| sources.ledger(after)).await?;
        books.note(Book::Ledger, cut);
        let (skus, cut) = all(|after| sources.skus(after, PAGE)).await?;
        books.note(Book::Skus, cut);
        let (messages, cut) = all(|after| sources.messages(after, PAGE)).await?;
        books.note(Book::Messages, cut);
        for (currency, sum) in sums {
            let total = books.ledger.entry(currency).or_default();
            *total = total.saturating_add(sum);
        }
        books = Books { shipping, payments, skus, messages, ..books };
        self.read_reservations(&mut books).await?;
        self.read_log(&mut books).await?;
        let (projection, cut) = all(|after| sources.projection(after, PAGE)).await?;
        books.note(Book::Projection, cut);
        let (orders, cut) = self.orders().await?;
        books.note(Book::Orders, cut);
        Ok(Books { projection, orders, ..books })
    }

    async fn orders(&self) -> Reading<(Vec<Order>, bool)> {
        all(|after| self.sources.orders(after, PAGE)).await
    }

    async fn read_reservations(&self, books: &mut Books) -> Reading<()> {
        for orders in books.orders_before.chunks(PAGE as usize) {
            // An order whose record can't be read has none.
            let ids = orders.iter().map(|it| it.reservation_id.clone());
            let ids: Vec<String> = ids.filter(|id| !id.is_empty()).collect();
            let standings = self.sources.reservations(ids.clone()).await?;
            books.reservations.extend(ids.into_iter().zip(standings));
        }
        Ok(())
    }

    async fn read_log(&self, books: &mut Books) -> Reading<()> {
        let (mut log, mut after) = (Streams::default(), 0);
        loop {
            let events = self.log.read(after, EVENTS_PAGE).await.map_err(unreadable)?;
            let Some(last) = events.last() else { break };
            if log.events >= EVENTS_MAX || last.position <= after {
                books.note(Book::Log, true);
                break;
            }
            after = last.position;
            events.iter().for_each(|event| log.take_in(event));
        }
        books.log = log;
        books.subscriptions = self.log.subscriptions().await.map_err(unreadable)?;
        let mut after = None;
        loop {
            let letters = self.log.dead_letters(after, PAGE).await.map_err(unreadable)?;
            let Some(last) = letters.last() else { break };
            after = Some(last.id.clone());
            books.dead_letters.extend(letters);
            if books.dead_letters.len() >= BOOK_ENTRIES_MAX {
                books.note(Book::DeadLetters, true);
                break;
            }
        }
        Ok(())
    }
}

impl Books {
    fn note(&mut self, book: Book, is_truncated: bool) {
        if is_truncated {
            self.truncated.insert(book);
        }
    }
}

/// A whole book, and whether it was longer than [`BOOK_ENTRIES_MAX`].
async fn all<T, F>(read: impl Fn(Option<String>) -> F) -> Reading<(Vec<T>, bool)>
where
    F: Future<Output = Reading<Part<T>>>,
{
    let (mut entries, mut after) = (Vec::new(), None);
    // Parts may be empty, but not for ever.
    for _ in 0..BOOK_ENTRIES_MAX {
        let part = read(after).await?;
        entries.extend(part.entries);
        match part.next {
            None => return Ok((entries, false)),
            Some(_) if entries.len() >= BOOK_ENTRIES_MAX => break,
            next => after = next,
        }
    }
    Ok((entries, true))
}

fn unreadable(error: LogError) -> Unreadable {
    Unreadable { book: "the event log", reason: format!("{error:?}") }
}

fn counts(books: &Books) -> Vec<(&'static str, u64)> {
    vec![
        ("orders", books.orders.len() as u64),
        ("payments", books.payments.len() as u64),
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
