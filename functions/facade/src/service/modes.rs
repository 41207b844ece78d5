//! Modes in the facade's own store: read for each request, so a change applies to the next one.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};

use crate::domain::{Decision, Family, Mode};
use crate::ports::Modes;

/// The key of the modes.
const MODES: &str = "modes";

/// Why a mode is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModeError {
    /// The family can't have the mode.
    #[error("{0}")]
    Invalid(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Modes by family; the default is the older shop.
#[derive(Clone, Debug)]
pub struct StoredModes<S>(pub S);

impl<S: Store> StoredModes<S> {
    /// The modes of all families.
    ///
    /// # Errors
    /// The store failed.
    pub async fn all(&self) -> Result<BTreeMap<Family, Mode>, StoreError> {
        let set: BTreeMap<Family, Mode> = self.0.read(MODES).await?.unwrap_or_default();
        let mode = |family| (family, set.get(&family).copied().unwrap_or_default());
        Ok(Family::ALL.into_iter().map(mode).collect())
    }

    /// Sets the mode of a family.
    ///
    /// # Errors
    /// [`ModeError`].
    pub async fn set(&self, family: Family, mode: Mode) -> Result<(), ModeError> {
        match mode {
            Mode::Shadow if !family.has_shadow() => {
                return Err(ModeError::Invalid(
                    "orders are placed once, so they can't be sent to both sides",
                ));
            }
            Mode::Percent { percent: 101.. } => {
                return Err(ModeError::Invalid("a percentage is at most 100"));
            }
            _ => {}
        }
        let set = |modes: &mut BTreeMap<Family, Mode>| {
            modes.insert(family, mode);
            Ok(())
        };
        self.0.modify(MODES, set).await
    }
}

impl<S: Store> Modes for StoredModes<S> {
    async fn decide(&self, family: Family, customer: u64) -> Result<Decision, StoreError> {
        let modes: BTreeMap<Family, Mode> = self.0.read(MODES).await?.unwrap_or_default();
        Ok(modes.get(&family).copied().unwrap_or_default().decide(customer))
    }
}
