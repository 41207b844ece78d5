//! The component: the store, the event log and the contract.

use axum::Router;
use bindings::exports::shop::order_history::audit::{self, Guest};
use bindings::tessera::events::log;
use chassis::clock::SystemClock;
use chassis::page::Cursor;
use chassis::sealed::{PersonKey, PersonKeys, Unreadable};
use chassis::store::{SpinStore, StoreError};

use crate::domain::{Entry, SortKey};
use crate::ports::{EventLog, Lag, Logged, Unavailable};
use crate::routes::Api;
use crate::service::OrderHistory;

contracts::function!("order-history");

/// The name of the list in cursors.
const AUDIT: &str = "order-history/audit";

struct Component;

chassis::serve!(once router);

fn router() -> chassis::Result<Router> {
    let store = bindings::store()?;
    let api =
        Api { history: history(store.clone()), clock: SystemClock, keys: bindings::IdentityKeys };
    Ok(bindings::complete(crate::routes::router(api), store))
}

fn history(store: SpinStore) -> OrderHistory<SpinStore, HostLog, SystemClock> {
    OrderHistory::new(store, HostLog, SystemClock)
}

impl Guest for Component {
    async fn orders(after: Option<String>, limit: u32) -> Result<audit::Page, audit::Error> {
        let unavailable = |error: StoreError| audit::Error::Unavailable(error.to_string());
        let after: Option<SortKey> = match after {
            None => None,
            Some(cursor) => Some(Cursor::decode(AUDIT, &cursor).map_err(|_| {
                audit::Error::Invalid("`after` is not a cursor of this list".to_owned())
            })?),
        };
        let store = bindings::store().map_err(unavailable)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        let (entries, next) =
            history(store).all(after.as_ref(), limit).await.map_err(unavailable)?;
        Ok(audit::Page {
            entries: entries.into_iter().map(audited).collect(),
            next: next.map(|key| Cursor::encode(AUDIT, &key)),
        })
    }
}

fn audited(entry: Entry) -> audit::Entry {
    let Entry { order, sequence, .. } = entry;
    audit::Entry {
        order_id: order.id,
        user_id: order.user_id,
        status: order.status,
        total: audit::Money { amount: order.total.amount, currency: order.total.currency },
        last_sequence: sequence,
    }
}

/// The contracts `tessera:events/log` and `shop:identity/persons`.
#[derive(Clone, Copy)]
struct HostLog;

impl EventLog for HostLog {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Logged>, Unavailable> {
        let entries = log::read(after, limit).await.map_err(unavailable)?;
        Ok(entries
            .into_iter()
            .map(|entry| Logged { position: entry.position, event: entry.event.into() })
            .collect())
    }

    async fn lags(&self) -> Result<Vec<Lag>, Unavailable> {
        let subscriptions = log::subscriptions().await.map_err(unavailable)?;
        let lag = |subscription: log::Subscription| Lag {
            subscription: subscription.name,
            events: subscription.lag,
            age_ms: subscription.lag_ms,
            dead: subscription.dead,
        };
        Ok(subscriptions.into_iter().map(lag).collect())
    }
}

impl PersonKeys for HostLog {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        bindings::IdentityPersons.key(user_id).await
    }
}

fn unavailable(error: log::Error) -> Unavailable {
    Unavailable(match error {
        log::Error::NotFound(reason)
        | log::Error::Invalid(reason)
        | log::Error::Unavailable(reason) => reason,
    })
}
