//! One parcel and its steps.
//!
//! Usually: `created → in_transit → delivered`. A courier who meets no one reports
//! `attempt_failed`, and tries again (`in_transit`), [`ATTEMPTS_MAX`] times in total; then the
//! parcel can only be `returned`. Before pickup it can be `cancelled`.

use serde::{Deserialize, Serialize};

use super::fleet::Courier;
use super::van::VanId;

/// The maximum number of attempts to deliver a parcel.
pub const ATTEMPTS_MAX: usize = 3;
/// The number of characters of a parcel's id in its tracking code.
const TRACKING_CHARS: usize = 10;

/// How far a parcel has come. `created` waits for its courier. After `attempt_failed` it is taken
/// out again (`in_transit`), three times in all; then it is `returned`. `delivered`, `cancelled`
/// and `returned` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ShipmentStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waiting for its courier.
    Created,
    /// A courier has it.
    InTransit,
    /// The courier met no one.
    AttemptFailed,
    /// The customer has it. Final.
    Delivered,
    /// Cancelled before pickup. Final.
    Cancelled,
    /// It was returned. Final.
    Returned,
}

impl Status {
    /// All statuses.
    pub const ALL: [Status; 6] = [
        Self::Created,
        Self::InTransit,
        Self::AttemptFailed,
        Self::Delivered,
        Self::Cancelled,
        Self::Returned,
    ];

    /// Whether it can't change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled | Self::Returned)
    }

    /// Whether a courier has ever picked the parcel up.
    pub fn has_left(self) -> bool {
        !matches!(self, Self::Created | Self::Cancelled)
    }
}

/// A quantity of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Line {
    #[cfg_attr(test, schemars(with = "chassis::openapi::Sku"))]
    pub sku: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub quantity: u32,
}

/// A change of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The new status.
    pub status: Status,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// One parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// `shp_…`.
    pub id: String,
    /// The courier's name.
    pub courier: String,
    /// The id of the parcel at the courier.
    pub tracking_code: String,
    /// Its content.
    pub lines: Vec<Line>,
    /// When it was handed over for shipping, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// The changes since then, oldest first.
    pub changes: Vec<Change>,
    /// The warehouse that sends it; empty in old parcels.
    #[serde(default)]
    pub warehouse: String,
    /// The van that carries it until it ends; `None` in old parcels.
    #[serde(default)]
    pub van: Option<VanId>,
}

impl Parcel {
    /// A parcel for a courier. `id` must be new; the tracking code has its end.
    pub fn new(
        id: String,
        courier: Courier,
        van: VanId,
        pack: super::Pack,
        created_at_ms: u64,
    ) -> Parcel {
        let characters: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
        let tail: String =
            characters[characters.len().saturating_sub(TRACKING_CHARS)..].iter().collect();
        Parcel {
            tracking_code: format!("{}{}", courier.code, tail.to_ascii_uppercase()),
            courier: courier.name.to_owned(),
            id,
            lines: pack.lines,
            created_at_ms,
            changes: Vec::new(),
            warehouse: pack.warehouse.code.to_owned(),
            van: Some(van),
        }
    }

    /// Its current status.
    pub fn status(&self) -> Status {
        self.changes.last().map_or(Status::Created, |change| change.status)
    }

    /// When its status last changed, in milliseconds since the epoch.
    pub fn updated_at_ms(&self) -> u64 {
        self.changes.last().map_or(self.created_at_ms, |change| change.at_ms)
    }

    /// All changes, including its creation.
    pub fn history(&self) -> Vec<Change> {
        let created = Change { status: Status::Created, at_ms: self.created_at_ms };
        [vec![created], self.changes.clone()].concat()
    }

    /// The number of failed attempts.
    pub fn attempts_failed(&self) -> usize {
        self.changes.iter().filter(|change| change.status == Status::AttemptFailed).count()
    }

    /// Whether this can be its next status.
    pub fn leads_to(&self, next: Status) -> bool {
        use Status::{AttemptFailed, Cancelled, Created, Delivered, InTransit, Returned};
        match (self.status(), next) {
            (Created, InTransit | Cancelled)
            | (InTransit, Delivered | AttemptFailed)
            | (AttemptFailed, Returned) => true,
            (AttemptFailed, InTransit | Delivered) => self.attempts_failed() < ATTEMPTS_MAX,
            _ => false,
        }
    }

    /// Changes the status.
    pub(super) fn change(&mut self, status: Status, at_ms: u64) {
        self.changes.push(Change { status, at_ms });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{FLEET, Location, Pack, pack};

    fn packed() -> Pack {
        let line = Line { sku: "A".to_owned(), quantity: 1 };
        pack(&[line], Location { country: "AT", zone: Some(10) }).remove(0)
    }

    fn parcel() -> Parcel {
        let van = VanId { courier: FLEET[0].code.to_owned(), number: 0 };
        let id = "shp_0192-aaaa-bbbb-ccccdddd".to_owned();
        Parcel::new(id, FLEET[0], van, packed(), 1_000)
    }

    #[test]
    fn tracking_codes_have_parts_of_courier_and_parcel() {
        assert_eq!(parcel().tracking_code, "DONBBCCCCDDDD");
    }

    #[test]
    fn after_the_last_attempt_a_parcel_is_returned() {
        let mut it = parcel();
        for _ in 0..ATTEMPTS_MAX {
            assert!(it.leads_to(Status::InTransit));
            it.change(Status::InTransit, 2_000);
            it.change(Status::AttemptFailed, 3_000);
        }
        assert!(!it.leads_to(Status::InTransit) && !it.leads_to(Status::Delivered));
        assert!(it.leads_to(Status::Returned));
    }

    /// The progress of a parcel: the number of the attempt, and its result.
    fn progress(parcel: &Parcel) -> (usize, u32) {
        let out = parcel.changes.iter().filter(|it| it.status == Status::InTransit).count();
        let how = match parcel.status() {
            Status::Created | Status::InTransit => 0,
            Status::AttemptFailed => 1,
            Status::Delivered | Status::Returned | Status::Cancelled => 2,
        };
        (out, how)
    }

    proptest! {
        #[test]
        fn a_parcel_never_goes_backwards(
            wishes in prop::collection::vec(prop::sample::select(Status::ALL.to_vec()), 0..40),
        ) {
            let mut it = parcel();
            for wish in wishes {
                let before = it.clone();
                if !it.leads_to(wish) {
                    continue;
                }
                prop_assert!(!before.status().is_final());
                it.change(wish, 5_000);
                prop_assert!(progress(&it) > progress(&before), "{:?}", it.changes);
                prop_assert!(it.attempts_failed() <= ATTEMPTS_MAX);
                prop_assert!(it.changes.len() <= 2 * ATTEMPTS_MAX + 1);
            }
        }
    }
}
