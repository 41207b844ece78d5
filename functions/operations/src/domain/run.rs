//! A reconciliation and how far it is: a value, so that it survives between requests.
//!
//! Orders are read first and last: if an order is the same both times, its other books were read
//! while it did not change. The log is read after its publishers, so that it contains at least what
//! they have published; the read model comes after the log. The ledger comes before the payments,
//! because reading it also imports new lines of the provider's statement.

use super::partition::{BUCKETS, Partition};
use super::{Books, Entry, Question, VIOLATIONS_MAX, Violation, rules};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A book of a function, which is read through its audit contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Audit {
    Orders,
    Shipping,
    Ledger,
    Payments,
    Statement,
    Skus,
    Messages,
    Projection,
}

/// Anything that is read page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Book {
    /// A book of a function.
    Audit(Audit),
    /// The events of the log.
    Log,
    /// The subscriptions of the log.
    Subscriptions,
    /// The dead letters of the log.
    DeadLetters,
}

/// All books in the order in which they are read, with their names.
const READING: [(Book, &str); 12] = [
    (Book::Audit(Audit::Orders), "orders"),
    (Book::Audit(Audit::Shipping), "shipments"),
    (Book::Audit(Audit::Ledger), "ledger"),
    (Book::Audit(Audit::Payments), "payments"),
    (Book::Audit(Audit::Statement), "statement"),
    (Book::Audit(Audit::Skus), "skus"),
    (Book::Audit(Audit::Messages), "messages"),
    (Book::Log, "events"),
    (Book::Subscriptions, "subscriptions"),
    (Book::DeadLetters, "dead_letters"),
    (Book::Audit(Audit::Projection), "projected_orders"),
    (Book::Audit(Audit::Orders), "orders_again"),
];

/// How far a reconciliation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Books are read.
    Reading {
        /// The number of books that were read completely.
        read: usize,
        /// The cursor in the next one.
        after: Option<String>,
    },
    /// All books were read, and this many buckets were compared.
    Checking(usize),
    /// All buckets were compared.
    Complete,
}

/// A number of entries that were stored together, each in its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The worker that has stored it.
    pub worker: u64,
    /// The buckets with entries, as bits.
    pub buckets: u64,
}

/// A reconciliation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Counts the runs.
    pub number: u64,
    /// What to check.
    pub question: Question,
    /// How far it is.
    pub stage: Stage,
    /// Counts the requests that have worked on it.
    pub worker: u64,
    /// Until when the last of them works alone, in milliseconds since the epoch.
    pub leased_until_ms: u64,
    /// When the last work was done, in milliseconds since the epoch.
    pub updated_at_ms: u64,
    /// The component whose book could not be read at the last attempt.
    pub blocked_by: Option<String>,
    /// What has been stored.
    pub batches: Vec<Batch>,
    /// The number of stored entries of each bucket.
    pub entries: Vec<u64>,
    /// The position of the oldest event of the log, and when it became durable.
    pub log_begins: Option<(u64, u64)>,
    /// The violations so far, the most important first, at most [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
    /// The number of further violations.
    pub more_violations: u64,
    /// The number of compared entries of each book.
    pub checked: BTreeMap<String, u64>,
}

impl Run {
    /// A run that has not begun to read.
    pub fn new(number: u64, question: Question) -> Run {
        Run {
            number,
            question,
            stage: Stage::Reading { read: 0, after: None },
            worker: 0,
            leased_until_ms: 0,
            updated_at_ms: question.checked_at_ms,
            blocked_by: None,
            batches: Vec::new(),
            entries: vec![0; BUCKETS],
            log_begins: None,
            violations: Vec::new(),
            more_violations: 0,
            checked: BTreeMap::new(),
        }
    }

    /// Whether nothing is left to do.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::Complete
    }

    /// The next page to read: the book, the cursor, and whether orders are read for the first time.
    pub fn next_page(&self) -> Option<(Book, Option<String>, bool)> {
        let Stage::Reading { read, after } = &self.stage else { return None };
        READING.get(*read).map(|(book, _)| (*book, after.clone(), *read == 0))
    }

    /// The name of the book that is read.
    pub fn reading(&self) -> Option<&'static str> {
        let Stage::Reading { read, .. } = &self.stage else { return None };
        READING.get(*read).map(|(_, name)| *name)
    }

    /// The number of compared buckets.
    pub fn buckets_checked(&self) -> usize {
        match self.stage {
            Stage::Reading { .. } => 0,
            Stage::Checking(checked) => checked,
            Stage::Complete => BUCKETS,
        }
    }

    /// A page was read, and this is the cursor of the next one.
    pub fn page_read(&mut self, next: Option<String>) {
        let Stage::Reading { read, after } = &mut self.stage else { return };
        match next {
            Some(next) => *after = Some(next),
            None if *read + 1 < READING.len() => (*read, *after) = (*read + 1, None),
            None => self.stage = Stage::Checking(0),
        }
    }

    /// The entries of a new batch, by bucket. They count as soon as the run is saved.
    pub fn add_batch(&mut self, entries: Vec<Entry>) -> BTreeMap<usize, Vec<Entry>> {
        let mut buckets = BTreeMap::<usize, Vec<Entry>>::new();
        for entry in entries {
            if let Entry::Event(event) = &entry {
                self.log_begins.get_or_insert((event.position, event.recorded_at));
            }
            buckets.entry(Partition::bucket(entry.key())).or_default().push(entry.compact());
        }
        let mut batch = Batch { worker: self.worker, buckets: 0 };
        for (bucket, entries) in &buckets {
            batch.buckets |= 1 << bucket;
            self.entries[*bucket] += entries.len() as u64;
        }
        self.batches.push(batch);
        buckets
    }

    /// Adds the violations in the books of a part of a bucket.
    pub fn report(&mut self, found: Vec<Violation>, books: &Books) {
        self.violations.extend(found);
        self.violations.sort_by_key(|violation| rules::rank(&violation.rule));
        let more = self.violations.len().saturating_sub(VIOLATIONS_MAX);
        self.violations.truncate(VIOLATIONS_MAX);
        self.more_violations += more as u64;
        for (book, count) in books.counts() {
            *self.checked.entry(book.to_owned()).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::question;

    #[test]
    fn violations_beyond_the_limit_are_counted_and_the_most_important_are_kept() {
        let mut run = Run::new(1, question(false));
        let violation = |rule: &'static str| Violation {
            rule: rule.into(),
            detail: String::new(),
            ids: Vec::new(),
        };
        run.report(vec![violation("dead-letter"); VIOLATIONS_MAX + 6], &Books::default());
        run.report(vec![violation("order-faulty")], &Books::default());
        assert_eq!((run.violations.len(), run.more_violations), (VIOLATIONS_MAX, 7));
        assert_eq!(run.violations[0].rule, "order-faulty");
    }
}
