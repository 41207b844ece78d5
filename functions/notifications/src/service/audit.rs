//! All notifications in the order of their acceptance, for checks across functions.

use chassis::register::Stretch;
use chassis::store::{Store, StoreError};

use super::Notifications;
use crate::domain::{Channel, Notification};
use crate::ports::{Provider, Templates, Users};

/// A notification as it stands in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// As the caller chose it.
    pub request_id: String,
    /// `ntf_…`.
    pub notification_id: String,
    /// The reader.
    pub user_id: String,
    /// What it is about, as the id of an order.
    pub subject: Option<String>,
    /// Names a template.
    pub template_code: String,
    /// Which way it goes.
    pub channel: Channel,
    /// `pending`, `sent`, `suppressed` or `failed`.
    pub status: &'static str,
    /// How many messages the provider says that it took for it.
    pub sends: u32,
}

impl From<Notification> for Record {
    fn from(notification: Notification) -> Self {
        Record {
            status: notification.state.word(),
            sends: u32::try_from(notification.receipts.len()).unwrap_or(u32::MAX),
            request_id: notification.request_id,
            notification_id: notification.id,
            user_id: notification.user_id,
            subject: notification.subject,
            template_code: notification.template_code,
            channel: notification.channel,
        }
    }
}

impl<S: Store, T: Templates, U: Users, P: Provider> Notifications<S, T, U, P> {
    /// At most `limit` notifications after the place `after` of the register (0: from the
    /// beginning).
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn records(&self, after: u64, limit: u32) -> Result<Stretch<Record>, StoreError> {
        let read = |place: u64, request_id: String| async move {
            let found = self.read(&request_id).await?;
            // Two that accepted the same request took two places; one of them counts.
            Ok(found.filter(|found| found.place == place).map(Record::from))
        };
        self.register().stretch(after, limit, read).await
    }
}
