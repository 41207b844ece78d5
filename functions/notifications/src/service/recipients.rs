//! The notifications and preferences of a user.

use chassis::parts::Parts;
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Notifications, id_key};
use crate::domain::{Notification, Preferences};
use crate::ports::Ports;
use crate::queue::Queue;

/// The maximum length of a user's list; older notifications are removed from it.
pub const LIST_LENGTH_MAX: usize = 500;
/// The maximum number of attempts that reading a list makes.
pub const LIST_ATTEMPT_COUNT_MAX: usize = 3;

/// An entry of a user's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    id: String,
    request_id: String,
}

impl<P: Ports> Notifications<P> {
    /// Puts a notification into its user's list, sorted by id, because a repetition may come when
    /// the notification has already left the list, and must not appear as the newest. A message
    /// that leaves the list loses its subject first, because an erasure of the user would no longer
    /// find it.
    pub(super) async fn list_for_user(
        &self,
        notification: &Notification,
    ) -> Result<(), StoreError> {
        let Notification { id, request_id, .. } = notification;
        let entry = Listed { id: id.clone(), request_id: request_id.clone() };
        let key = list_key(&notification.user_id);
        let put = |list: &mut Vec<Listed>| {
            if !list.contains(&entry) {
                list.push(entry.clone());
                list.sort_by(|one, other| other.id.cmp(&one.id));
            }
            Ok::<_, StoreError>(list.get(LIST_LENGTH_MAX..).unwrap_or_default().to_vec())
        };
        let old = self.store().modify(&key, put).await?;
        if old.is_empty() {
            return Ok(());
        }
        for listed in &old {
            self.change(&listed.request_id, |it| it.pinned.subject.clear()).await?;
        }
        let remove = |list: &mut Vec<Listed>| {
            list.retain(|listed| !old.contains(listed));
            Ok(())
        };
        self.store().modify(&key, remove).await
    }

    /// Erases the messages in a user's list, and the one of this request if there is one, and then
    /// the list. An unreadable message does not stop the others.
    pub(super) async fn erase_messages(
        &self,
        user_id: &str,
        request_id: Option<&str>,
    ) -> Result<(), StoreError> {
        let listed = self.listed(user_id).await?.into_iter().map(|listed| listed.request_id);
        let mut parts = Parts::new();
        for request_id in listed.chain(request_id.map(str::to_owned)) {
            let erased = self.erase_message(&request_id).await;
            parts.done(&request_id, erased);
        }
        parts.end(())?;
        self.store().delete(&list_key(user_id)).await
    }

    async fn erase_message(&self, request_id: &str) -> Result<(), StoreError> {
        if self.read(request_id).await?.is_none() {
            return Ok(());
        }
        let (notification, ()) = self.change(request_id, Notification::erase).await?;
        Queue::Failed.list(self.store()).remove(request_id).await?;
        self.queue(&notification).remove(request_id).await
    }

    /// A user's notifications, newest first: at most `limit` after the one with the id `after`, and
    /// whether there are more. Attempts to send a few of those that are due.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        user_id: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Notification>, bool), StoreError> {
        let list = self.listed(user_id).await?;
        // Ids grow with time, so a position is valid even after its entry has left the list.
        let mut rest = list.iter().filter(|entry| after.is_none_or(|after| *entry.id < *after));
        let mut page = Vec::new();
        let mut attempts = 0;
        for entry in rest.by_ref().take(limit) {
            let Some(mut notification) = self.read(&entry.request_id).await? else { continue };
            let is_due = notification.due_ms().is_some_and(|due_ms| due_ms <= self.now_ms());
            if is_due
                && attempts < LIST_ATTEMPT_COUNT_MAX
                && !self.is_paused(notification.channel).await?
            {
                attempts += usize::from(self.attempt(&entry.request_id).await?.is_some());
                notification = self.read(&entry.request_id).await?.unwrap_or(notification);
            }
            page.push(notification);
        }
        Ok((page, rest.next().is_some()))
    }

    async fn listed(&self, user_id: &str) -> Result<Vec<Listed>, StoreError> {
        Ok(self.store().read(&list_key(user_id)).await?.unwrap_or_default())
    }

    /// The notification with this id, of any user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, id: &str) -> Result<Option<Notification>, StoreError> {
        if !chassis::id::is("ntf", id) {
            return Ok(None);
        }
        match self.store().read::<String>(&id_key(id)).await? {
            Some(request_id) => self.read(&request_id).await,
            None => Ok(None),
        }
    }

    /// A user's preferences.
    ///
    /// # Errors
    /// The store failed.
    pub async fn preferences(&self, user_id: &str) -> Result<Preferences, StoreError> {
        Ok(self.store().read(&preferences_key(user_id)).await?.unwrap_or_default())
    }

    /// Stores a user's preferences, which also apply to accepted messages that are not sent yet.
    /// Nothing is stored after the user has deleted their account.
    ///
    /// # Errors
    /// The store failed.
    pub async fn set_preferences(
        &self,
        user_id: &str,
        preferences: Preferences,
    ) -> Result<(), StoreError> {
        self.store().write(&preferences_key(user_id), &preferences).await?;
        match self.is_deleted(user_id).await? {
            true => self.store().delete(&preferences_key(user_id)).await,
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
