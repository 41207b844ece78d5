//! Orders, figures and the state of the projection on the wire.

use chassis::clock::rfc3339;
use chassis::money::Money;
use serde::Serialize;

use super::time;
use crate::domain::{Entry, Item, Parcel, Rejection};
use crate::service::{Building, DayFigures, Stage, Status};

/// An order, with the members that its events contain.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PastOrder"))]
pub(super) struct OrderView {
    id: String,
    /// As in `OrderStatus`. Other words are possible.
    status: String,
    items: Vec<Item>,
    total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Rejection>,
    /// The parcels, once there are any.
    parcels: Vec<Parcel>,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    created_at: String,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    updated_at: String,
    /// The sequence number of the last processed event of the order.
    #[cfg_attr(test, schemars(range(min = 1)))]
    sequence: u64,
}

impl From<Entry> for OrderView {
    fn from(entry: Entry) -> Self {
        let order = entry.order;
        Self {
            id: order.id,
            status: order.status,
            items: order.items,
            total: order.total,
            rejection: order.rejection,
            parcels: order.parcels,
            created_at: order.created_at,
            updated_at: order.updated_at,
            sequence: entry.sequence,
        }
    }
}

/// An order with what only administrators see.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CustomerOrder"))]
pub(super) struct AdminView {
    #[serde(flatten)]
    order: OrderView,
    customer: Customer,
    /// Why it waits for an administrator.
    parked: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct Customer {
    user_id: String,
    /// Null until an event has contained it.
    name: Option<String>,
}

impl AdminView {
    pub(super) fn new(entry: Entry, name: Option<String>) -> Self {
        let customer = Customer { user_id: entry.order.user_id.clone(), name };
        let parked = entry.parked.clone();
        Self { order: entry.into(), customer, parked }
    }
}

/// What was sold on a day in one currency.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DayFigures"))]
pub(super) struct FiguresView {
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    day: String,
    #[cfg_attr(test, schemars(regex(pattern = "^[A-Z]{3}$")))]
    currency: String,
    /// Placed that day, with any result.
    orders: u64,
    /// Of those, paid.
    confirmed: u64,
    /// Of those, cancelled.
    cancelled: u64,
    /// Of those, rejected.
    rejected: u64,
    revenue: Money,
}

impl From<DayFigures> for FiguresView {
    fn from(day: DayFigures) -> Self {
        let figures = day.figures;
        Self {
            day: day.day,
            revenue: Money::new(figures.revenue, &day.currency),
            currency: day.currency,
            orders: figures.orders,
            confirmed: figures.confirmed,
            cancelled: figures.cancelled,
            rejected: figures.rejected,
        }
    }
}

/// The state of the projection.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OrderHistoryStatus"))]
pub(super) struct StatusView {
    name: &'static str,
    /// Orders.
    entries: u64,
    /// Users whose names are known.
    names: u64,
    /// When the newest processed event happened.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    last_event_at: Option<String>,
    /// Events that are not yet processed; null if the log does not respond.
    lag_events: Option<u64>,
    /// Age of the oldest of them.
    lag_seconds: Option<f64>,
    /// The same in milliseconds: the maximum age of what a reader sees.
    staleness_ms: Option<u64>,
    /// Events that could not be delivered.
    dead_letters: Option<u64>,
    /// Counts rebuilds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    generation: u64,
    /// When this generation was finished; null for the first.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    rebuilt_at: Option<String>,
    /// The rebuild in progress.
    rebuild: Option<RebuildView>,
    /// SHA-256 over all orders and names: equal content, equal digest. Null if there are too many
    /// orders.
    digest: Option<String>,
}

/// The start of a rebuild.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StartedRebuild"))]
pub(super) struct StartedView {
    /// The generation that it makes.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) generation: u64,
    pub(super) name: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct RebuildView {
    /// The generation that it makes.
    #[cfg_attr(test, schemars(range(min = 1)))]
    generation: u64,
    #[cfg_attr(test, schemars(extend("enum" = ["reading", "carrying"])))]
    stage: &'static str,
    /// The position in the log up to which it was read; null once it is read to its end.
    position: Option<u64>,
    /// Events of the log that were processed.
    events: u64,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    started_at: String,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        let lags = status.lags.as_deref();
        let age_ms = lags.map(|lags| lags.iter().map(|lag| lag.age_ms).max().unwrap_or(0));
        Self {
            name: "order-history",
            entries: status.entries,
            names: status.names,
            last_event_at: time(status.last_event_at_ms),
            lag_events: lags.map(|lags| lags.iter().map(|lag| lag.events).sum()),
            lag_seconds: age_ms.map(|ms| ms as f64 / 1_000.0),
            staleness_ms: age_ms,
            dead_letters: lags.map(|lags| lags.iter().map(|lag| lag.dead).sum()),
            generation: status.generation,
            rebuilt_at: time(status.rebuilt_at_ms),
            rebuild: status.rebuilding.map(RebuildView::from),
            digest: status.digest,
        }
    }
}

impl From<Building> for RebuildView {
    fn from(building: Building) -> Self {
        let (stage, position) = match building.stage {
            Stage::Reading { position } => ("reading", Some(position)),
            Stage::Carrying { .. } | Stage::Naming { .. } => ("carrying", None),
        };
        let started_at = rfc3339(building.started_at_ms);
        Self {
            generation: building.generation,
            stage,
            position,
            events: building.events,
            started_at,
        }
    }
}
