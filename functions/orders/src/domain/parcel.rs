//! The parcels of an order, as shipping reports them.

use serde::{Deserialize, Serialize};

/// The status of a parcel. `created` waits for its courier. After `attempt_failed`, delivery is
/// attempted again (`in_transit`), up to three times in total; then it is `returned`. `delivered`, `cancelled`
/// and `returned` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum ShipmentStatus {
    /// Waiting for its courier.
    Created,
    /// A courier has it.
    InTransit,
    /// The addressee was absent; the courier tries again.
    AttemptFailed,
    /// The customer has it.
    Delivered,
    /// Canceled before pickup.
    Cancelled,
    /// All attempts have failed; it was returned to the shop.
    Returned,
}

/// A quantity of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, description = ""))]
pub struct Line {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    pub sku: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub quantity: u32,
}

/// A separately shipped part of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// `shp_…`.
    pub id: String,
    /// The name of the courier.
    pub courier: String,
    /// For the courier's website.
    pub tracking_code: String,
    /// Its status.
    pub status: ShipmentStatus,
    /// Its contents; empty in old records.
    #[serde(default)]
    pub lines: Vec<Line>,
}

/// Whether a courier has picked one up.
pub fn have_left(parcels: &[Parcel]) -> bool {
    shipped(parcels).any(|parcel| parcel.status != ShipmentStatus::Created)
}

/// Whether there are parcels and all of them have ended.
pub fn have_ended(parcels: &[Parcel]) -> bool {
    let ended =
        |it: &Parcel| matches!(it.status, ShipmentStatus::Delivered | ShipmentStatus::Returned);
    have_left(parcels) && shipped(parcels).all(ended)
}

/// The returned parcels.
pub fn returned(parcels: &[Parcel]) -> impl Iterator<Item = &Parcel> {
    parcels.iter().filter(|parcel| parcel.status == ShipmentStatus::Returned)
}

/// Whether one of them was delivered.
pub fn any_delivered(parcels: &[Parcel]) -> bool {
    parcels.iter().any(|parcel| parcel.status == ShipmentStatus::Delivered)
}

fn shipped(parcels: &[Parcel]) -> impl Iterator<Item = &Parcel> {
    parcels.iter().filter(|parcel| parcel.status != ShipmentStatus::Cancelled)
}
