//! Reading the books, page by page.

use super::Reconciliation;
use crate::domain::{Audit, Book, Entry, Run, sales_of};
use crate::ports::{LogError, Part, Ports, Reading, Unreadable};
use chassis::store::StoreError;

/// The size of requested pages, in entries.
const PAGE: u32 = 100;
/// The number of pages whose entries are stored together.
const PAGES: usize = 20;

impl<P: Ports> Reconciliation<P> {
    /// Reads some pages, at least one, and stores their entries.
    pub(super) async fn read(&self, run: &mut Run, end_ms: u64) -> Result<(), StoreError> {
        let mut entries = Vec::new();
        for _ in 0..PAGES {
            let Some((book, after, is_first)) = run.next_page() else { break };
            match self.page(book, after, is_first).await {
                Ok(part) => {
                    entries.extend(part.entries);
                    run.page_read(part.next);
                }
                Err(error) => {
                    eprintln!("operations: {error}");
                    run.blocked_by = Some(error.book.to_owned());
                    break;
                }
            }
            if self.ports.now_ms() >= end_ms {
                break;
            }
        }
        self.store(run, entries).await
    }

    async fn page(
        &self,
        book: Book,
        after: Option<String>,
        is_first: bool,
    ) -> Reading<Part<Entry>> {
        let part = match book {
            Book::Audit(Audit::Orders) => self.orders(after.clone(), is_first).await?,
            Book::Audit(book) => self.ports.page(book, after.clone(), PAGE).await?,
            Book::Log => self.events(after.as_deref()).await?,
            Book::Subscriptions => {
                let subscriptions = self.ports.subscriptions().await.map_err(unreadable)?;
                let entries = subscriptions.into_iter().map(Entry::Subscription).collect();
                Part { entries, next: None }
            }
            Book::DeadLetters => {
                let letters = self.ports.dead_letters(after.clone(), PAGE).await;
                let letters = letters.map_err(unreadable)?;
                // Pages that would be too large are shorter, so only an empty page is the last.
                let next = letters.last().map(|letter| letter.id.clone());
                Part { entries: letters.into_iter().map(Entry::DeadLetter).collect(), next }
            }
        };
        if part.next.is_some() && part.next == after {
            let reason = format!("its page after {after:?} comes before itself: {book:?}");
            return Err(Unreadable { book: "a function", reason });
        }
        Ok(part)
    }

    /// A page of orders with what they sell and, at the first reading, with their reservations.
    async fn orders(&self, after: Option<String>, is_first: bool) -> Reading<Part<Entry>> {
        let part = self.ports.page(Audit::Orders, after, PAGE).await?;
        let mut entries = Vec::new();
        let mut reserved = Vec::new();
        for entry in part.entries {
            let Entry::Order(order) = entry else { continue };
            let sale = if is_first { Entry::SalesBefore } else { Entry::Sales };
            entries.extend(sales_of(&order).into_iter().map(|(sku, sales)| sale(sku, sales)));
            // An order with an unreadable record has no reservation.
            if is_first && !order.reservation_id.is_empty() {
                reserved.push((order.id.clone(), order.reservation_id.clone()));
            }
            entries.push(if is_first { Entry::OrderBefore(order) } else { Entry::Order(order) });
        }
        if !reserved.is_empty() {
            let ids = reserved.iter().map(|(_, id)| id.clone()).collect();
            let standings = self.ports.reservations(ids).await?;
            entries.extend(
                reserved.into_iter().zip(standings).map(|((order_id, id), standing)| {
                    Entry::Reservation { order_id, id, standing }
                }),
            );
        }
        Ok(Part { entries, next: part.next })
    }

    async fn events(&self, after: Option<&str>) -> Reading<Part<Entry>> {
        let after = after.and_then(|after| after.parse().ok()).unwrap_or(0);
        let events = self.ports.read(after, PAGE).await.map_err(unreadable)?;
        let next = events.last().map(|last| last.position.to_string());
        Ok(Part { entries: events.into_iter().map(Entry::Event).collect(), next })
    }
}

fn unreadable(error: LogError) -> Unreadable {
    Unreadable { book: "the event log", reason: format!("{error:?}") }
}
