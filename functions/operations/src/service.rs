//! The reconciliation, which goes on in the background: every request works on it for some seconds
//! and leaves the rest to the next one.
//!
//! All books are read once, page by page. Their entries are stored in buckets, so that the books of
//! an order are together, and each bucket is compared on its own. So memory and the time of a
//! request are bounded, and the whole takes time in proportion to the number of entries.
//!
//! One request works at a time: it leases the run. If it dies, another one continues from what was
//! saved last.

mod reading;

use crate::domain::{BUCKETS, Books, Entry, Partition, Question, Run, Stage, violations};
use crate::ports::Ports;
use chassis::store::{Store, StoreError, Version};
use futures::future::{join_all, try_join_all};

/// How long one request works, in milliseconds. Then it finishes its step.
pub const WORK_MS: u64 = 5_000;
/// How long a run waits for a request that may have died, in milliseconds: longer than a request
/// can take.
pub const LEASE_MS: u64 = 60_000;
/// The maximum number of entries that are compared at once.
pub const KEPT_MAX: u64 = 60_000;
/// The number of entries after which a step ends.
const STEP_ENTRIES: u64 = 5_000;
/// How long stored entries are kept at most, in milliseconds, where the host supports expiry. A
/// request that dies leaves those of its last step.
const STORED_MS: u64 = 24 * 60 * 60 * 1_000;
/// The key of the last run.
const RUN: &str = "reconciliation";

/// Reconciliation, over its ports.
#[derive(Clone, Debug)]
pub struct Reconciliation<P> {
    ports: P,
    kept_max: u64,
}

impl<P: Ports> Reconciliation<P> {
    /// A reconciliation over these ports.
    pub fn new(ports: P) -> Reconciliation<P> {
        Reconciliation { ports, kept_max: KEPT_MAX }
    }

    /// Compares at most this many entries at once instead of [`KEPT_MAX`].
    #[must_use]
    pub fn with_kept_max(self, kept_max: u64) -> Self {
        Reconciliation { kept_max, ..self }
    }

    /// Begins a run, instead of one that may be in progress.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn begin(&self, question: Question) -> Result<(), StoreError> {
        let begin = |last: Option<Run>| {
            let number = last.as_ref().map_or(1, |last| last.number + 1);
            Ok::<_, StoreError>((Run::new(number, question), last))
        };
        if let Some(last) = self.ports.store().update(RUN, begin).await? {
            self.remove(&last, last.buckets_checked()..BUCKETS).await;
        }
        Ok(())
    }

    /// The last run, if there has been one.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn last(&self) -> Result<Option<Run>, StoreError> {
        self.ports.store().read(RUN).await
    }

    /// Works on the run for [`WORK_MS`], unless it is complete or another request works on it.
    ///
    /// # Errors
    /// The store's errors. Whatever was saved before stays.
    pub async fn work(&self) -> Result<(), StoreError> {
        let end_ms = self.ports.now_ms().saturating_add(WORK_MS);
        let Some((mut run, mut version)) = self.lease().await? else { return Ok(()) };
        loop {
            let checked = run.buckets_checked();
            match run.stage {
                Stage::Reading { .. } => self.read(&mut run, end_ms).await?,
                Stage::Checking(first) => self.check(&mut run, first).await?,
                Stage::Complete => {}
            }
            let now_ms = self.ports.now_ms();
            let goes_on = !run.is_complete() && run.blocked_by.is_none() && now_ms < end_ms;
            run.updated_at_ms = now_ms;
            run.leased_until_ms = if goes_on { now_ms.saturating_add(LEASE_MS) } else { 0 };
            // Another run has begun, or another request thought that this one had died.
            if !self.ports.store().swap(&mut version, &run).await? {
                return Ok(());
            }
            self.remove(&run, checked..run.buckets_checked()).await;
            if !goes_on {
                return Ok(());
            }
        }
    }

    async fn lease(&self) -> Result<Option<(Run, Version)>, StoreError> {
        let (run, mut version) = self.ports.store().load::<Run>(RUN).await?;
        let now_ms = self.ports.now_ms();
        let Some(mut run) = run.filter(|it| !it.is_complete() && it.leased_until_ms <= now_ms)
        else {
            return Ok(None);
        };
        run.worker += 1;
        run.leased_until_ms = now_ms.saturating_add(LEASE_MS);
        run.blocked_by = None;
        let leased = self.ports.store().swap(&mut version, &run).await?;
        Ok(leased.then_some((run, version)))
    }

    /// Stores entries in their buckets.
    async fn store(&self, run: &mut Run, entries: Vec<Entry>) -> Result<(), StoreError> {
        let number = run.batches.len();
        let buckets = run.add_batch(entries);
        let (run, store) = (&*run, self.ports.store());
        let until_ms = self.ports.now_ms().saturating_add(STORED_MS);
        let writes = buckets.iter().map(|(bucket, entries)| {
            let key = key(run, number, *bucket);
            async move {
                store.expire_at(&key, until_ms).await?;
                store.write(&key, entries).await
            }
        });
        try_join_all(writes).await.map(drop)
    }

    /// Compares some buckets, beginning with this one.
    async fn check(&self, run: &mut Run, first: usize) -> Result<(), StoreError> {
        let (mut bucket, mut entries) = (first, 0);
        while bucket < BUCKETS && entries < STEP_ENTRIES {
            let size = run.entries[bucket];
            for part in Partition::parts_of(bucket, size, self.kept_max) {
                let Some(books) = self.load(run, bucket, part).await? else {
                    eprintln!("operations: stored entries have expired; all books are read again");
                    let number = run.number;
                    let question = Question { checked_at_ms: self.ports.now_ms(), ..run.question };
                    *run = Run { worker: run.worker, ..Run::new(number, question) };
                    return Ok(());
                };
                let found = violations(&books, &run.question);
                for violation in &found {
                    let (rule, ids) = (&violation.rule, &violation.ids);
                    eprintln!("operations: {rule} {ids:?}: {}", violation.detail);
                }
                run.report(found, &books);
            }
            (bucket, entries) = (bucket + 1, entries + size);
        }
        run.stage = if bucket < BUCKETS { Stage::Checking(bucket) } else { Stage::Complete };
        Ok(())
    }

    /// The books of this part of a bucket; `None` if stored entries are missing.
    async fn load(
        &self,
        run: &Run,
        bucket: usize,
        part: Partition,
    ) -> Result<Option<Books>, StoreError> {
        let mut books = Books::default();
        for key in keys(run, bucket) {
            let Some(entries) = self.ports.store().read::<Vec<Entry>>(&key).await? else {
                return Ok(None);
            };
            let held = entries.into_iter().filter(|entry| part.holds(entry.key()));
            held.for_each(|entry| books.add(entry));
        }
        books.log.begins = run.log_begins;
        Ok(Some(books))
    }

    /// Removes the entries of compared buckets. What can't be removed now expires.
    async fn remove(&self, run: &Run, buckets: impl Iterator<Item = usize>) {
        for bucket in buckets {
            let store = self.ports.store();
            let removals = keys(run, bucket).map(|key| async move { store.delete(&key).await });
            for error in join_all(removals).await.into_iter().filter_map(Result::err) {
                eprintln!("operations: stored entries were not removed: {error}");
            }
        }
    }
}

/// The keys of the stored entries of a bucket, in the order in which they were read.
fn keys(run: &Run, bucket: usize) -> impl Iterator<Item = String> {
    let batches = run.batches.iter().enumerate();
    let holding = batches.filter(move |(_, batch)| batch.buckets >> bucket & 1 == 1);
    holding.map(move |(number, _)| key(run, number, bucket))
}

/// No two requests write to the same key, even if one of them thinks that the other has died.
fn key(run: &Run, batch: usize, bucket: usize) -> String {
    let worker = run.batches[batch].worker;
    format!("reconciliation/{}/{worker}/{batch}/{bucket}", run.number)
}

#[cfg(test)]
pub(crate) mod tests;
