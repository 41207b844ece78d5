//! Orders, figures and the state of the projection on the wire.

use chassis::clock::rfc3339;
use chassis::money::Money;
use serde::Serialize;

use super::time;
use crate::domain::{Entry, Item, Parcel, Rejection};
use crate::service::{DayFigures, Rebuilding, Status};

/// An order, with the members that orders itself answers, as far as events tell them.
#[derive(Serialize)]
pub(super) struct OrderView {
    id: String,
    status: String,
    items: Vec<Item>,
    total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Rejection>,
    parcels: Vec<Parcel>,
    created_at: String,
    updated_at: String,
    /// Of the last event that was taken in.
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
pub(super) struct AdminView {
    #[serde(flatten)]
    order: OrderView,
    customer: Customer,
    /// Why it waits for a person.
    parked: Option<String>,
}

#[derive(Serialize)]
struct Customer {
    user_id: String,
    /// Null as long as no event has told it.
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
pub(super) struct FiguresView {
    day: String,
    currency: String,
    orders: u64,
    confirmed: u64,
    cancelled: u64,
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

/// How the projection is.
#[derive(Serialize)]
pub(super) struct StatusView {
    name: &'static str,
    entries: u64,
    names: u64,
    last_event_at: Option<String>,
    /// Events that are not yet taken in; null if the log does not answer.
    lag_events: Option<u64>,
    /// Age of the oldest of them.
    lag_seconds: Option<f64>,
    /// The same in milliseconds: what a reader sees is at most so old.
    staleness_ms: Option<u64>,
    /// Events that were given up.
    dead_letters: Option<u64>,
    generation: u64,
    rebuilt_at: Option<String>,
    rebuild: Option<RebuildView>,
    digest: Option<String>,
}

#[derive(Serialize)]
struct RebuildView {
    generation: u64,
    stage: &'static str,
    position: Option<u64>,
    events: u64,
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

impl From<Rebuilding> for RebuildView {
    fn from(rebuilding: Rebuilding) -> Self {
        Self {
            generation: rebuilding.generation,
            stage: rebuilding.stage,
            position: rebuilding.position,
            events: rebuilding.events,
            started_at: rfc3339(rebuilding.started_at_ms),
        }
    }
}
