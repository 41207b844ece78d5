//! What readers see and want.

use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::delivery::Tried;
use super::{Notifications, id_key};
use crate::domain::{Notification, Preferences};
use crate::ports::{Provider, Templates, Users};
use crate::queue::{FAILED, waiting};

/// Most notifications in a reader's list; older ones leave it.
pub const LIST_LENGTH_MAX: usize = 500;
/// Most attempts that looking at one's list makes.
pub const TOUCH_ATTEMPT_COUNT_MAX: usize = 3;

/// An entry of a reader's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    id: String,
    request_id: String,
}

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// Puts a notification in its reader's list, at the place of its id: a repetition may come when
    /// it has left the list already, and must not come back as the newest. A message that leaves
    /// the list loses its subject first, because an erasure of its reader would no longer find it.
    pub(super) async fn list_for_reader(
        &self,
        notification: &Notification,
    ) -> Result<(), StoreError> {
        let Notification { id, request_id, .. } = notification;
        let entry = Listed { id: id.clone(), request_id: request_id.clone() };
        let key = list_key(&notification.user_id);
        let put = |list: Option<Vec<Listed>>| {
            let mut list = list.unwrap_or_default();
            if !list.contains(&entry) {
                list.push(entry.clone());
                list.sort_by(|one, other| other.id.cmp(&one.id));
            }
            let old = list.get(LIST_LENGTH_MAX..).unwrap_or_default().to_vec();
            Ok::<_, StoreError>((list, old))
        };
        let old = self.store.update(&key, put).await?;
        if old.is_empty() {
            return Ok(());
        }
        for listed in &old {
            let untitle = |notification: &mut Notification| notification.pinned.subject.clear();
            self.change(&listed.request_id, untitle).await?;
        }
        let take_out = |list: Option<Vec<Listed>>| {
            let mut list = list.unwrap_or_default();
            list.retain(|listed| !old.contains(listed));
            Ok::<_, StoreError>((list, ()))
        };
        self.store.update(&key, take_out).await
    }

    /// Erases the messages in a reader's list, and the one for this request if there is one, and
    /// then the list. An unreadable message does not stop the others.
    pub(super) async fn erase_messages(
        &self,
        user_id: &str,
        request_id: Option<&str>,
    ) -> Result<(), StoreError> {
        let list: Option<Vec<Listed>> = self.store.read(&list_key(user_id)).await?;
        let listed = list.unwrap_or_default().into_iter().map(|listed| listed.request_id);
        let mut parts = Parts::new();
        for request_id in listed.chain(request_id.map(str::to_owned)) {
            let erased = self.erase_message(&request_id).await;
            parts.done(&request_id, erased);
        }
        parts.end(())?;
        self.store.delete(&list_key(user_id)).await
    }

    async fn erase_message(&self, request_id: &str) -> Result<(), StoreError> {
        if self.read(request_id).await?.is_none() {
            return Ok(());
        }
        let erase = |notification: &mut Notification| notification.erase();
        let (notification, ()) = self.change(request_id, erase).await?;
        FAILED.remove(&self.store, request_id).await?;
        waiting(notification.channel).remove(&self.store, request_id).await
    }

    /// A reader's notifications, newest first: at most `limit`, after the one named `after`;
    /// and whether there are more. What is due among them is tried first, a little.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: usize,
        now_ms: u64,
    ) -> Result<(Vec<Notification>, bool), StoreError> {
        let list: Option<Vec<Listed>> = self.store.read(&list_key(user_id)).await?;
        let list = list.unwrap_or_default();
        // Ids grow with time, so a position holds even when its entry has left the list.
        let mut rest = list.iter().filter(|entry| after.is_none_or(|after| *entry.id < *after));
        let mut page = Vec::new();
        let mut attempts = 0;
        for entry in rest.by_ref().take(limit) {
            let Some(mut notification) = self.read(&entry.request_id).await? else { continue };
            let due = notification.due_ms().is_some_and(|due_ms| due_ms <= now_ms);
            if due
                && attempts < TOUCH_ATTEMPT_COUNT_MAX
                && !self.is_resting(notification.channel, now_ms).await?
            {
                let tried = self.attempt(&entry.request_id, now_ms).await?;
                attempts += usize::from(tried != Tried::Not);
                notification = self.read(&entry.request_id).await?.unwrap_or(notification);
            }
            page.push(notification);
        }
        Ok((page, rest.next().is_some()))
    }

    /// The notification with this id, whoever its reader is.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn find(&self, id: &str) -> Result<Option<Notification>, StoreError> {
        if !chassis::id::is("ntf", id) {
            return Ok(None);
        }
        match self.store.read::<String>(&id_key(id)).await? {
            Some(request_id) => self.read(&request_id).await,
            None => Ok(None),
        }
    }

    /// What a reader wants.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn preferences(&self, user_id: &str) -> Result<Preferences, StoreError> {
        Ok(self.store.read(&preferences_key(user_id)).await?.unwrap_or_default())
    }

    /// Stores a reader's preferences, which also apply to accepted messages that are not sent yet.
    /// Nothing is stored after the reader has deleted their account.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn prefer(&self, user_id: &str, wanted: Preferences) -> Result<(), StoreError> {
        self.store.write(&preferences_key(user_id), &wanted).await?;
        match self.is_gone(user_id).await? {
            true => self.store.delete(&preferences_key(user_id)).await,
            false => Ok(()),
        }
    }
}

fn list_key(user_id: &str) -> String {
    format!("list/{user_id}")
}

pub(super) fn preferences_key(user_id: &str) -> String {
    format!("preferences/{user_id}")
}
