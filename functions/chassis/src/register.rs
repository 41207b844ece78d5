//! All aggregates of a kind in the order of their creation, in stores that can't list keys.
//!
//! The creator of an aggregate first takes a place in the register, writes the aggregate's id
//! there, and only then creates the aggregate, which stores the number of its place. So the
//! register knows every aggregate. A crash in between leaves a place without an aggregate, and two
//! creators of the same id leave a place that the aggregate does not have: readers skip both.

use crate::store::{Store, StoreError};
use std::future::Future;

/// The maximum number of entries in a page.
pub const PAGE_MAX: u32 = 100;
/// The maximum number of places that one page reads, including skipped ones.
const PLACES_MAX: u64 = 400;

/// The register of one kind of aggregates.
#[derive(Clone, Debug)]
pub struct Register<S> {
    store: S,
    name: &'static str,
}

/// A page of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch<T> {
    /// In the order of their creation.
    pub entries: Vec<T>,
    /// The last place that was read, if there are more after it.
    pub next: Option<u64>,
}

impl<S: Store> Register<S> {
    /// The register of this name; the name is part of its keys.
    pub fn new(store: S, name: &'static str) -> Register<S> {
        Register { store, name }
    }

    /// Takes the next place for `id`. Places count from 1.
    pub async fn enter(&self, id: &str) -> Result<u64, StoreError> {
        let place = self.store.increment(&self.counter(), 1).await?.unsigned_abs();
        self.store.write(&self.place(place), &id).await?;
        Ok(place)
    }

    /// The last place that was taken; 0 if there is none.
    pub async fn last(&self) -> Result<u64, StoreError> {
        Ok(self.store.increment(&self.counter(), 0).await?.unsigned_abs())
    }

    /// Up to `limit` entries after the place `after` (0: from the beginning). `read` returns the
    /// entry for a place and an id, or `None` if the aggregate is absent or has another place.
    pub async fn stretch<T, E, F, R>(
        &self,
        after: u64,
        limit: u32,
        mut read: R,
    ) -> Result<Stretch<T>, E>
    where
        T: Send,
        E: From<StoreError>,
        F: Future<Output = Result<Option<T>, E>> + Send,
        R: FnMut(u64, String) -> F + Send,
    {
        let last = self.last().await?;
        let end = last.min(after.saturating_add(PLACES_MAX));
        let mut entries = Vec::new();
        let mut at = after;
        while at < end && entries.len() < limit as usize {
            at += 1;
            if let Some(id) = self.store.read::<String>(&self.place(at)).await? {
                entries.extend(read(at, id).await?);
            }
        }
        Ok(Stretch { entries, next: (at < last).then_some(at) })
    }

    fn counter(&self) -> String {
        format!("{}_places", self.name)
    }

    fn place(&self, place: u64) -> String {
        format!("{}_place:{place}", self.name)
    }
}

/// Parses a `next` of a former page; `None` if it is malformed.
pub fn position(after: Option<&str>) -> Option<u64> {
    after.map_or(Some(0), |text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{MemoryStore, ScriptedStore};

    async fn all(register: &Register<MemoryStore>, limit: u32) -> Vec<(u64, String)> {
        let (mut found, mut after) = (Vec::new(), 0);
        loop {
            let page = register
                .stretch(after, limit, |place, id| async move {
                    Ok::<_, StoreError>((id != "gone").then_some((place, id)))
                })
                .await
                .unwrap();
            assert!(page.entries.len() <= limit as usize);
            found.extend(page.entries);
            match page.next {
                Some(next) => after = next,
                None => return found,
            }
        }
    }

    #[tokio::test]
    async fn every_entry_is_met_once_whatever_the_pages() {
        let register = Register::new(MemoryStore::new(), "things");
        assert_eq!(all(&register, 3).await, []);
        let mut expected = Vec::new();
        for number in 0..900 {
            let id = if number % 9 < 7 { "gone".to_owned() } else { number.to_string() };
            let place = register.enter(&id).await.unwrap();
            if id != "gone" {
                expected.push((place, id));
            }
        }
        for limit in [1, 7, PAGE_MAX] {
            assert_eq!(all(&register, limit).await, expected, "{limit}");
        }
    }

    #[tokio::test]
    async fn a_place_that_was_taken_and_never_written_is_passed_over() {
        let disk = MemoryStore::new();
        let dying = Register::new(ScriptedStore::failing_after(1, disk.clone()), "things");
        assert!(dying.enter("lost").await.is_err());
        let register = Register::new(disk, "things");
        assert_eq!(register.enter("a").await, Ok(2));
        assert_eq!(all(&register, 10).await, [(2, "a".to_owned())]);
    }

    #[test]
    fn a_position_is_a_number() {
        assert_eq!(position(None), Some(0));
        assert_eq!(position(Some("17")), Some(17));
        assert_eq!(position(Some("x")), None);
    }
}
