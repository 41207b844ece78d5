//! The orders of each user, newest first.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Loaded, Records};

/// Entries of one page of a user's index.
const PAGE_ENTRIES_MAX: usize = 100;

/// The newest page of a user's index; each full one is moved to a separate key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Newest {
    page: u64,
    ids: Vec<String>,
}

impl Newest {
    fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|known| known == id)
    }
}

/// Where in a user's index a listing continues: entries before this one, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Pages count from 0, the oldest.
    pub page: u64,
    /// The number of entries of the page that are left.
    pub index: usize,
}

impl<S: Store> Records<S> {
    /// Adds an order to its user's index and returns its page. A full page is copied to a separate
    /// key before the next page is started, so that a crash between the two repeats the copy.
    ///
    /// A creation that is repeated after a crash adds its order again, possibly on another page: the
    /// valid entry is the one on the page that the order's value names.
    pub(super) async fn enter(&self, user_id: &str, id: &str) -> Result<u64, StoreError> {
        let key = newest_key(user_id);
        let newest: Newest = self.store.read(&key).await?.unwrap_or_default();
        if newest.has(id) {
            return Ok(newest.page);
        }
        let full = newest.ids.len() >= PAGE_ENTRIES_MAX;
        if full {
            self.store.write(&page_key(user_id, newest.page), &newest.ids).await?;
        }
        let copied = full.then_some((newest.page, newest.ids.len()));
        self.store
            .update(&key, |newest: Option<Newest>| {
                let mut newest = newest.unwrap_or_default();
                // Pages only grow: the same length is the same page as was copied.
                if copied == Some((newest.page, newest.ids.len())) {
                    newest = Newest { page: newest.page + 1, ids: Vec::new() };
                }
                if !newest.has(id) {
                    newest.ids.push(id.to_owned());
                }
                let page = newest.page;
                Ok::<_, StoreError>((newest, page))
            })
            .await
    }

    /// Up to `limit` of a user's orders, newest first, and where the rest starts. `from` comes from
    /// a client: a position beyond the index means the end of the index.
    pub async fn of_user(
        &self,
        user_id: &str,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Loaded>, Option<Position>), StoreError> {
        let newest: Newest = self.store.read(&newest_key(user_id)).await?.unwrap_or_default();
        let mut at = from.unwrap_or(Position { page: newest.page, index: newest.ids.len() });
        at.page = at.page.min(newest.page);
        let mut found = Vec::with_capacity(limit);
        let mut ids = self.page(user_id, &newest, at.page).await?;
        at.index = at.index.min(ids.len());
        loop {
            if at.index == 0 {
                if at.page == 0 {
                    return Ok((found, None));
                }
                at.page -= 1;
                ids = self.page(user_id, &newest, at.page).await?;
                at.index = ids.len();
                continue;
            }
            if found.len() == limit {
                return Ok((found, Some(at)));
            }
            at.index -= 1;
            if let Some(id) = ids.get(at.index) {
                let order = self.load(id).await?;
                found.extend(order.filter(|order| order.record.is_listed_on(at.page)));
            }
        }
    }

    /// The number of pages of a user's index.
    pub(super) async fn pages(&self, user_id: &str) -> Result<u64, StoreError> {
        let newest: Option<Newest> = self.store.read(&newest_key(user_id)).await?;
        Ok(newest.map_or(0, |newest| newest.page + 1))
    }

    /// The orders on a page of a user's index; some may be listed on another, or not exist.
    pub async fn ids_on(&self, user_id: &str, page: u64) -> Result<Vec<String>, StoreError> {
        let newest: Newest = self.store.read(&newest_key(user_id)).await?.unwrap_or_default();
        self.page(user_id, &newest, page).await
    }

    async fn page(
        &self,
        user: &str,
        newest: &Newest,
        page: u64,
    ) -> Result<Vec<String>, StoreError> {
        if page == newest.page {
            return Ok(newest.ids.clone());
        }
        Ok(self.store.read(&page_key(user, page)).await?.unwrap_or_default())
    }
}

fn newest_key(user_id: &str) -> String {
    format!("orders_of:{user_id}")
}

fn page_key(user_id: &str, page: u64) -> String {
    format!("orders_of:{user_id}:{page}")
}
