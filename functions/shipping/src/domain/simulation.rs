//! Simulated couriers: parcels take their steps as time passes.

use super::parcel::{Change, Parcel, Status};

/// The time from creation to the first attempt, in multiples of the time to the pickup.
const FIRST_ATTEMPT: u64 = 5;
/// The time from creation to the second pickup, likewise.
const SECOND_PICKUP: u64 = 7;
/// The time from creation to the second attempt, likewise.
const SECOND_ATTEMPT: u64 = 9;

/// An addressee whom simulated couriers never reach, so that the parcel is returned.
pub(super) const NEVER_HOME: &str = "Nobody Home";

/// The speed of the simulated couriers.
///
/// Their ids decide which parcels need a second attempt ([`Simulation::misses`]), and only the clock
/// decides when a step happens: it does not matter how often a parcel is queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// The time from creation to pickup, in milliseconds; 0 disables the simulation.
    pub pickup_ms: u64,
}

impl Simulation {
    /// Whether the first attempt fails: for one parcel in sixteen, those whose id ends in `0`.
    pub fn misses(parcel_id: &str) -> bool {
        parcel_id.ends_with('0')
    }

    /// When a parcel that is created now is picked up; `None` if the simulation is disabled.
    pub fn pickup_at_ms(self, now_ms: u64) -> Option<u64> {
        (self.pickup_ms > 0).then(|| now_ms.saturating_add(self.pickup_ms))
    }

    /// The next step of a parcel, and when it is due; `None` if there is none or the simulation is
    /// disabled. `never_home`: its addressee is `NEVER_HOME`.
    pub fn next(self, parcel: &Parcel, never_home: bool) -> Option<Change> {
        if self.pickup_ms == 0 {
            return None;
        }
        let failed = parcel.attempts_failed();
        let (status, units) = match parcel.status() {
            Status::Created => (Status::InTransit, 1),
            Status::InTransit if never_home && failed > 0 => {
                (Status::AttemptFailed, SECOND_ATTEMPT)
            }
            Status::InTransit if never_home => (Status::AttemptFailed, FIRST_ATTEMPT),
            Status::InTransit if failed > 0 => (Status::Delivered, SECOND_ATTEMPT),
            Status::InTransit if Self::misses(&parcel.id) => (Status::AttemptFailed, FIRST_ATTEMPT),
            Status::InTransit => (Status::Delivered, FIRST_ATTEMPT),
            Status::AttemptFailed if parcel.leads_to(Status::InTransit) => {
                (Status::InTransit, SECOND_PICKUP)
            }
            Status::AttemptFailed => (Status::Returned, SECOND_ATTEMPT),
            Status::Delivered | Status::Cancelled | Status::Returned => return None,
        };
        let due_ms = parcel.created_at_ms.saturating_add(self.pickup_ms.saturating_mul(units));
        Some(Change { status, at_ms: due_ms.max(parcel.updated_at_ms()) })
    }
}
