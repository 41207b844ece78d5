//! The parcels of an order, as shipping tells of them.

use serde::{Deserialize, Serialize};

/// How far a parcel has come. `created` waits for its courier. After `attempt_failed` it is taken
/// out again (`in_transit`), three times in all; then it is `returned`. `delivered`, `cancelled`
/// and `returned` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum Carriage {
    /// Waiting for its courier.
    Created,
    /// A courier has it.
    InTransit,
    /// Nobody was there; the courier comes again.
    AttemptFailed,
    /// The customer has it.
    Delivered,
    /// Called off before pickup.
    Cancelled,
    /// All attempts have failed; it goes back.
    Returned,
}

impl Carriage {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::InTransit => "in_transit",
            Self::AttemptFailed => "attempt_failed",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }
}

/// A quantity of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub sku: String,
    /// Pieces.
    pub quantity: u32,
}

/// A part of an order that travels on its own, as far as the order remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// `shp_…`.
    pub id: String,
    /// Who carries it.
    pub courier: String,
    /// For the courier's own pages.
    pub tracking_code: String,
    /// How far it has come.
    pub status: Carriage,
    /// Its contents; empty in old records.
    #[serde(default)]
    pub lines: Vec<Line>,
}

/// Whether a courier has picked one up.
pub fn have_left(parcels: &[Parcel]) -> bool {
    let mut traveling = traveling(parcels);
    traveling.any(|parcel| parcel.status != Carriage::Created)
}

/// Whether there are parcels and all of them have ended.
pub fn have_ended(parcels: &[Parcel]) -> bool {
    let ended = |it: &Parcel| matches!(it.status, Carriage::Delivered | Carriage::Returned);
    have_left(parcels) && traveling(parcels).all(ended)
}

/// The returned parcels.
pub fn returned(parcels: &[Parcel]) -> impl Iterator<Item = &Parcel> {
    parcels.iter().filter(|parcel| parcel.status == Carriage::Returned)
}

/// Whether one of them was delivered.
pub fn any_delivered(parcels: &[Parcel]) -> bool {
    parcels.iter().any(|parcel| parcel.status == Carriage::Delivered)
}

fn traveling(parcels: &[Parcel]) -> impl Iterator<Item = &Parcel> {
    parcels.iter().filter(|parcel| parcel.status != Carriage::Cancelled)
}
