//! The sandbox couriers: parcels move on by themselves as time passes.

use super::parcel::{Change, Parcel, Status};

/// From creation to the first attempt, in units of the way to the pickup.
const FIRST_ATTEMPT: u64 = 5;
/// From creation to the second pickup, in the same units.
const SECOND_PICKUP: u64 = 7;
/// From creation to the second attempt, in the same units.
const SECOND_ATTEMPT: u64 = 9;

/// An addressee whom sandbox couriers never reach, so that the parcel is returned.
pub(super) const NEVER_HOME: &str = "Nobody Home";

/// How fast the sandbox couriers are.
///
/// Which parcels need a second attempt follows from their ids ([`Simulation::misses`]), and
/// when something happens from the clock alone: it does not matter how often anybody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// From creation to pickup, in milliseconds; 0 switches the simulation off.
    pub pickup_ms: u64,
}

impl Simulation {
    /// Whether nobody is there at the first attempt: for one parcel in sixteen, those whose id
    /// ends in `0`.
    pub fn misses(parcel_id: &str) -> bool {
        parcel_id.ends_with('0')
    }

    /// When a parcel that is created now is picked up; none if that is up to people.
    pub fn pickup_at_ms(self, now_ms: u64) -> Option<u64> {
        (self.pickup_ms > 0).then(|| now_ms.saturating_add(self.pickup_ms))
    }

    /// What happens to a parcel next, and when that is due; none if it is up to people.
    /// `never_home` tells that its addressee is `NEVER_HOME`.
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
